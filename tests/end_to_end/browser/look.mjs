// Open every page of a folder in headless Chromium, light and dark, and print what is wrong as JSON: axe-core's
// violations, what the page's own policy blocked, requests that left the page, images that did not load.
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [folder, executablePath] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args: quiet });
const found = [];

async function open(name, options, script) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && found.push({ name, what: "console", text: message.text() }));
  page.on("request", (sent) => /^(file|data):/.test(sent.url()) || found.push({ name, what: "request", text: sent.url() }));
  await page.goto(`file://${resolve(folder, name)}`, { timeout: 120_000 });
  await script(page);
  await context.close();
}

// Runs in the page: mark a few of each kind of text for the check of contrast. A page has thousands of coloured words of
// code, and those that look alike before the same backgrounds have the same contrast.
function mark() {
  const behind = new Map([[null, ""]]);
  const before = (element) => {
    if (!behind.has(element)) {
      const { backgroundColor, backgroundImage, opacity, position, filter } = getComputedStyle(element);
      const own = [backgroundColor, backgroundImage, opacity, position, filter].join();
      const above = before(element.parentElement);
      behind.set(element, own === "rgba(0, 0, 0, 0),none,1,static,none" ? above : `${above}>${own}`);
    }
    return behind.get(element);
  };
  const seen = new Map();
  for (const element of document.body.querySelectorAll("*")) {
    if (!element.checkVisibility() || ![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    const kind = [element.localName, color, fontSize, fontWeight, textShadow, before(element)].join("|");
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    if (seen.get(kind) <= 3) element.dataset.contrast = "";
  }
}

for (const name of readdirSync(folder).filter((file) => file.endsWith(".html")).sort()) {
  // with its policy in force
  await open(name, {}, async (page) => {
    const broken = await page.$$eval("img", (images) => images.filter((i) => !i.complete || i.naturalWidth === 0).length);
    if (broken) found.push({ name, what: "images", text: `${broken} did not load` });
  });
  // axe is a script, which the policy forbids: it is lifted for the check alone
  await open(name, { bypassCSP: true }, async (page) => {
    await page.evaluate(axe);
    await page.evaluate(() => axe.configure({ rules: [{ id: "color-contrast", selector: "[data-contrast]" }] }));
    for (const colorScheme of ["dark", "light"]) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(mark);
    }
    for (const [colorScheme, runOnly] of [["light", undefined], ["dark", ["color-contrast"]]]) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate((rules) => axe.run(document, { resultTypes: ["violations"], ...(rules && { runOnly: rules }) }), runOnly);
      for (const { id, nodes } of violations) found.push({ name, what: `${colorScheme} ${id}`, text: nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ") });
    }
  });
}
await browser.close();
console.log(JSON.stringify(found));
