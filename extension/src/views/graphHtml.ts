/** The HTML shell of the graph page, and the policy that lets Netron's files and its layout worker in, and no more. */

export interface GraphHtml {
  /** Where the bundled pages are: the only source of scripts, styles and data. */
  source: string;
  script: string;
  styles: readonly string[];
  nonce: string;
  language: string;
}

export function graphHtml({ source, script, styles, nonce, language }: GraphHtml): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' ${source}`,
    // Netron writes style attributes as text.
    `style-src ${source} 'unsafe-inline'`,
    `img-src ${source} data:`,
    `font-src ${source}`,
    `connect-src ${source}`,
    "worker-src blob:",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
${styles.map((style) => `<link rel="stylesheet" href="${style}">`).join("\n")}
<title>PyModel</title>
</head>
<body>
<main id="page"></main>
<script type="module" nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
