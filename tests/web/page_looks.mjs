// How the page looks, to eyes and to screen readers, with script and without.
import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {after, before, test} from 'node:test';
import {Browser, Stage, accessible, namesOf, openAll, output, quiet, rowsOf} from './page_driver.mjs';

let stage;
let browser;
before(async () => {
  stage = await Stage.start('recorded');
  browser = await Browser.start();
});
after(async () => {
  await browser.end();
  await stage.end();
});

for (const colorScheme of ['light', 'dark'])
  for (const width of [1280, 768, 320])
    test(`is accessible and fits: ${colorScheme}, ${width} px`, async () => {
      const page = await browser.live(stage.url, {colorScheme, viewport: {width, height: 900}});
      await accessible(page);
      await page.locator('#rows summary', {hasText: 'namespace1/myimage'}).click();
      await page.locator('.words summary').click();
      await page.mouse.move(0, 0);
      await accessible(page);
      await page.screenshot({path: `${output}/${colorScheme}-${width}.png`, fullPage: true});
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, 'nothing to scroll to');
      await quiet(page);
    });

test('tells a screen reader what the golden snapshot has', async () => {
  const page = await browser.live(stage.url);
  await page.locator('#rows summary', {hasText: 'namespace1/myimage'}).click();
  const snapshot = (await page.locator('body').ariaSnapshot())
    .replace(/listitem "20[^"]*": Confirmed \d+ s ago/, 'listitem: Confirmed N s ago')
    .replace(/Revision \w+/, 'Revision R')
    .replace(/repodigest_exporter [\d.]+/, 'repodigest_exporter V') + '\n';
  const golden = new URL('golden/page.aria.yml', import.meta.url);
  if (process.env.REPODIGEST_UPDATE_GOLDEN === '1') writeFileSync(golden, snapshot);
  assert.equal(snapshot, readFileSync(golden, 'utf8'));
  await quiet(page);
});

test('is a table to a screen reader where it looks like cards', async () => {
  const page = await browser.live(stage.url, {viewport: {width: 320, height: 700}});
  const session = await page.context().newCDPSession(page);
  const {nodes} = await session.send('Accessibility.getFullAXTree');
  const count = (role) => nodes.filter((node) => !node.ignored && node.role?.value === role).length;
  const images = (await namesOf(page)).length;
  assert.equal(count('table'), 1);
  assert.equal(count('row'), images + 1);
  assert.equal(count('columnheader'), 6);
  assert.equal(count('rowheader'), images);
  assert.equal(count('cell'), 5 * images);
  await quiet(page);
});

test('has the cells of a line on one baseline where rows look like cards', async () => {
  const page = await browser.live(stage.url, {viewport: {width: 768, height: 700}});
  const baselines = await page.locator('#rows tr').first().locator('td').evaluateAll((cells) => cells.map((cell) => {
    const mark = document.createElement('span');
    mark.style.display = 'inline-block';  // of no height, so that it stands on the baseline
    cell.prepend(mark);
    const {bottom} = mark.getBoundingClientRect();
    mark.remove();
    return bottom;
  }));
  assert.ok(Math.max(...baselines) - Math.min(...baselines) < 0.75, baselines.join());
  await quiet(page);
});

test('isolates the states of containers too', async () => {
  const page = await browser.live(stage.url);
  const row = page.locator('#rows tr', {hasText: 'namespace1/myimage'});
  assert.deepEqual(await row.locator('.used bdi').allTextContents(),
    ['api', 'batch', 'exited', 'cron', 'exited']);
  await quiet(page);
});

test('is whole without script, with the rows that the script makes', async () => {
  const plain = await browser.open(stage.url, {javaScriptEnabled: false});
  assert.equal(await plain.locator('#t-raw').textContent(), '155');
  assert.equal(await plain.locator('#t-surplus').textContent(), '133');
  assert.equal(await plain.locator('#shown').textContent(), 'Showing 18 of 18 images');
  assert.match(await plain.locator('#advisories').textContent(), /moby-48747.*Upgrade to 27\.4\.0/);
  assert.match(await plain.locator('#live').textContent(), /^As of 20/);
  assert.equal(await plain.locator('button:visible, input:visible').count(), 0, 'nothing that would do nothing');
  await plain.locator('#rows summary').first().click();
  assert.ok(await plain.locator('#rows dl').first().isVisible());
  await plain.screenshot({path: `${output}/no-script.png`, fullPage: true});

  const page = await browser.live(stage.url);
  await openAll(page);
  assert.deepEqual(await rowsOf(page), await rowsOf(plain));
  for (const part of ['#host', '#engine', '#strip', '#advisories', '#note', '#shown', '#up', '#events', '#error', '.tiles'])
    if (await plain.locator(part).count())
      assert.equal(await page.locator(part).textContent(), await plain.locator(part).textContent(), part);
  await quiet(plain);
  await quiet(page);
});

test('names the containers of an image with duplicates', async () => {
  const page = await browser.live(stage.url);
  const row = page.locator('#rows tr', {hasText: 'namespace1/myimage'});
  assert.equal(await row.locator('.used').textContent(), 'used by api, batch (exited), cron (exited) and 2 more');
  await row.locator('summary').click();
  assert.match(await row.locator('dl').textContent(), /Containersapibatch \(exited\)cron \(exited\)webworker/);
  await quiet(page);
});

test('without the API it has no script and is complete', async (t) => {
  const bare = await Stage.start('recorded', '--no-web.api');
  t.after(() => bare.end());
  const page = await browser.open(bare.url);
  assert.equal(await page.locator('script').count(), 0);
  assert.equal((await namesOf(page)).length, 18);
  assert.equal(await page.locator('a[href^="api/"]').count(), 0);
  await accessible(page);
  await quiet(page);
});

test('without polling it says so', async (t) => {
  const folder = mkdtempSync(tmpdir() + '/page-');
  const window = await Stage.start('recorded', '--no-poll', `--docker-api.listen-address=unix://${folder}/docker.sock`);
  t.after(async () => {
    await window.end();
    rmSync(folder, {recursive: true});
  });
  const page = await browser.open(window.url);
  assert.match(await page.locator('main').textContent(), /Polling is off/);
  assert.equal(await page.locator('table, script').count(), 0);
  const [card, title] = [await page.locator('#images').boundingBox(), await page.locator('#images h1').boundingBox()];
  assert.ok(title.x - card.x >= 8 && title.y - card.y >= 8, 'nothing is glued to the edge');
  await page.screenshot({path: `${output}/no-poll.png`});
  await accessible(page);
  await quiet(page);
});
