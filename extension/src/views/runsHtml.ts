/** The HTML shell of the runs page, and the policy that lets its script and its stylesheet in, and nothing else. */

export interface RunsHtml {
  /** Where the bundled pages are. */
  source: string;
  script: string;
  style: string;
  nonce: string;
  language: string;
}

export function runsHtml({ source, script, style, nonce, language }: RunsHtml): string {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${source}; font-src ${source}`;
  return `<!DOCTYPE html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>PyModel</title>
</head>
<body>
<main id="page"></main>
<script type="module" nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
