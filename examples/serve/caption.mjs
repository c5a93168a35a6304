// Captions pictures from JavaScript, through a running service (`showtell serve`):
//
//     node examples/serve/caption.mjs photo.jpg other.png
//
// `caption` runs in a page as well: give it the files of an <input type="file"> and, if the page is on another host,
// start the service with --cors and the page's origin. SHOWTELL_URL sets another address, SHOWTELL_TOKEN the token.

export async function caption(files, { url = "http://127.0.0.1:8000", token = "", settings = {} } = {}) {
  const form = new FormData();
  for (const file of files) form.append("picture", file, file.name);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  for (;;) {
    const answer = await fetch(`${url}/v1/caption?${new URLSearchParams(settings)}`, { method: "POST", headers, body: form });
    const reply = await answer.json();
    if (answer.ok) return reply.results;
    if (answer.status !== 503) throw new Error(reply.error);
    const seconds = Number(answer.headers.get("Retry-After") ?? 1);
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  }
}

if (globalThis.process?.argv[1]?.endsWith("caption.mjs")) {
  const { readFile } = await import("node:fs/promises");
  const files = await Promise.all(process.argv.slice(2).map(async (path) => new File([await readFile(path)], path)));
  const { SHOWTELL_URL: url = "http://127.0.0.1:8000", SHOWTELL_TOKEN: token = "" } = process.env;
  for (const result of await caption(files, { url, token, settings: { num_captions: 1 } })) {
    console.log(`${result.name}: ${result.caption ?? result.error}`);
  }
}
