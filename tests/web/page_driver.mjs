// The stage (page_stage.cpp) with an engine and the program on it, and a browser in front. Nothing here sleeps: what is
// awaited is a condition.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

const require = createRequire(process.env.PAGE_MODULES + '/');
const {chromium} = require('playwright-core');
const {AxeBuilder} = require('@axe-core/playwright');

export const output = process.env.PAGE_OUTPUT;  // where pictures go

export class Stage {
  static async start(scene, ...flags) {
    const stage = new Stage();
    stage.process = spawn(process.env.PAGE_STAGE, [scene, ...flags], {stdio: ['pipe', 'pipe', 'inherit']});
    stage.lines = createInterface({input: stage.process.stdout})[Symbol.asyncIterator]();
    const first = await stage.lines.next();
    assert.ok(!first.done, 'the stage ended at once');
    stage.url = JSON.parse(first.value).url;
    return stage;
  }

  /// "die", "return", "add: NAME", "end the program".
  async tell(command) {
    this.process.stdin.write(command + '\n');
    assert.equal((await this.lines.next()).value, 'ok');
  }

  async end() {
    const exited = once(this.process, 'exit');
    this.process.stdin.end();
    await exited;
  }
}

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.chromium = await chromium.launch({  // with a new profile each time
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
    });
    return browser;
  }

  /// A page that keeps what the browser complains about, and every request. `before` sets it up.
  async open(url, options = {}, before = async () => {}) {
    const context = await this.chromium.newContext({viewport: {width: 1280, height: 900}, ...options});
    const page = await context.newPage();
    page.complaints = [];
    page.sent = [];
    page.on('console', (message) => {
      if (message.type() !== 'log') page.complaints.push(message.text());
    });
    page.on('pageerror', (error) => page.complaints.push(error.stack));
    page.on('request', (request) => page.sent.push(request.url()));
    // "Aborted" is a request that the browser itself gave up, also at the hands of the test (routes, the end of a page).
    // What the page makes of an answer that does not come stands in the page.
    page.on('requestfailed', (request) => {
      const {errorText} = request.failure();
      if (errorText !== 'net::ERR_ABORTED') page.complaints.push('no answer from ' + request.url() + ': ' + errorText);
    });
    await page.addInitScript(() => document.addEventListener('securitypolicyviolation',
      (event) => console.error('CSP ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample)));
    await before(page);
    await page.goto(url);
    return page;
  }

  /// The same, once its script has everything.
  async live(url, options, before) {
    const page = await this.open(url, options, before);
    await page.locator('#live.good').waitFor();
    return page;
  }

  end() {
    return this.chromium.close();
  }
}

/// Ends with the page: it did as it should, and asked nobody but its own server.
export async function quiet(page) {
  assert.deepEqual(page.complaints, []);
  const {origin} = new URL(page.url());
  for (const url of page.sent) assert.ok(url.startsWith(origin + '/') || url.startsWith('data:'), url);
  await page.context().close();
}

export async function accessible(page) {
  const found = await new AxeBuilder({page})
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  assert.deepEqual(found.violations.map((one) =>
    one.id + ': ' + one.nodes.map((node) => node.html + ' ' + node.failureSummary).join('\n')), []);
  assert.ok(found.passes.length > 20, 'axe has looked');
}

/// The table as markup, the way the server renders it.
export const rowsOf = (page) => page.locator('#rows > tr').evaluateAll((rows) => rows.map((row) => {
  const copy = row.cloneNode(true);
  copy.querySelectorAll('.copy').forEach((button) => button.remove());
  copy.querySelectorAll('details').forEach((details) => details.removeAttribute('open'));
  return copy.outerHTML;
}));

/// Opens the details of every row.
export const openAll = async (page) => {
  await page.locator('#rows details').evaluateAll((all) => all.forEach((details) => { details.open = true; }));
  await page.waitForFunction(() => [...document.querySelectorAll('#rows details')].every((one) => one.querySelector('dl')));
};

/// The names in the rows, from the first on.
export const namesOf = (page) => page.locator('#rows summary').allTextContents();

/// What the page was told before has come through.
export const settled = (page) => page.evaluate(() => fetch('-/healthy').then((answer) => answer.text()));

/// The page's timers are the test's from here on.
export const withClock = (page) => page.clock.install();

/// The page's next refresh is now, and answered.
export async function refresh(page) {
  const answers = ['images', 'summary', 'engine'].map((path) =>
    page.waitForResponse((response) => response.url().includes('/api/v1/' + path)));
  await page.clock.runFor(5000);
  const all = await Promise.all(answers);
  await settled(page);
  return all;
}

/// Lets time go by until the page says it.
export async function refreshUntil(page, selector, text) {
  for (const end = Date.now() + 30000; Date.now() < end;) {
    if (text.test(await page.locator(selector).textContent())) return;
    await page.clock.runFor(5000);
    await settled(page);
  }
  assert.fail(`${selector} is "${await page.locator(selector).textContent()}", not ${text}`);
}
