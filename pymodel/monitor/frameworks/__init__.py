"""What training frameworks tell of themselves, one file each: by their own callbacks."""
