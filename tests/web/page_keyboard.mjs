// Everything by keyboard, and all that is chosen in the URL.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {Browser, Stage, namesOf, quiet} from './page_driver.mjs';

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

/// Presses Tab until the element that has the focus matches; fails after a round.
async function tabTo(page, selector) {
  for (let i = 0; i < 120; ++i) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
  }
  assert.fail('Tab does not come to ' + selector);
}
const urlHas = (page, query) => page.waitForFunction((wanted) => location.search === wanted, query);
const sortOf = (page, column) => page.locator(`[data-sort=${column}]`).getAttribute('aria-sort');

test('goes from the skip link over the tools to a row', async () => {
  const page = await browser.live(stage.url);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the images');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'q');
  await page.keyboard.type('TEAM app');
  assert.equal(await page.locator('#shown').textContent(), 'Showing 2 of 18 images');
  await urlHas(page, '?q=TEAM+app');
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  assert.equal(await page.locator('#shown').textContent(), 'Showing 6 of 18 images');
  await tabTo(page, '#rows summary');
  await page.keyboard.press('Enter');
  await page.locator('#rows dl').first().waitFor();
  await page.keyboard.press('Enter');
  await page.locator('#rows dl').first().waitFor({state: 'hidden'});
  await quiet(page);
});

test('sorts by each header, and says which way', async () => {
  const page = await browser.live(stage.url);
  await tabTo(page, '[data-sort=raw] button');
  await page.keyboard.press('Enter');
  assert.equal(await sortOf(page, 'raw'), 'descending');
  assert.equal((await namesOf(page))[0], 'bulk/many:t000');
  await page.keyboard.press('Space');
  assert.equal(await sortOf(page, 'raw'), 'ascending');
  await tabTo(page, '[data-sort=surplus] button');
  await page.keyboard.press('Enter');
  assert.equal(await sortOf(page, 'raw'), null);
  assert.equal(await sortOf(page, 'surplus'), 'descending');
  assert.equal(await page.locator('caption').textContent(), 'Images, sorted by surplus, descending');
  assert.deepEqual((await namesOf(page)).slice(0, 3),
    ['bulk/many:t000', 'bulk/repo0:v0', 'localhost:5000/namespace1/myimage:1.0.0']);
  await urlHas(page, '?sort=-surplus');
  await page.locator('[data-sort=name] button').click();
  const names = await namesOf(page);
  assert.deepEqual(names, [...names].sort());
  await quiet(page);
});

test('shows of a tile what it counts, and all again', async () => {
  const page = await browser.live(stage.url);
  await tabTo(page, '[data-show=duplicate] button');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#shown').textContent(), 'Showing 5 of 18 images, with duplicates only');
  assert.equal(await page.locator('[data-show=duplicate] button').getAttribute('aria-pressed'), 'true');
  await urlHas(page, '?show=duplicate');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#shown').textContent(), 'Showing 18 of 18 images');
  assert.equal(await page.locator('[data-show=""] button').getAttribute('aria-pressed'), 'true');
  await urlHas(page, '');
  await quiet(page);
});

test('says what a tile filters whatever is searched and sorted', async () => {
  const page = await browser.live(stage.url);
  const pressed = () => page.locator('.tile button[aria-pressed=true]').evaluateAll((all) =>
    all.map((button) => button.parentNode.dataset.show));
  assert.deepEqual(await pressed(), ['']);
  await page.locator('[data-show=duplicate] button').click();
  assert.deepEqual(await pressed(), ['duplicate']);
  assert.equal(await page.locator('#shown').textContent(), 'Showing 5 of 18 images, with duplicates only');
  await page.locator('#q').fill('bulk');
  assert.deepEqual(await pressed(), ['duplicate']);
  assert.equal(await page.locator('#shown').textContent(), 'Showing 2 of 18 images, with duplicates only');
  await page.locator('[data-sort=id] button').click();
  assert.deepEqual(await pressed(), ['duplicate']);
  await page.locator('#q').fill('there is no such image');
  assert.equal(await page.locator('#empty').textContent(), 'No image with duplicates fits.');
  for (const [tile, words] of [['raw', 'RepoDigests'], ['unique', 'RepoDigests'], ['surplus', 'duplicates']]) {
    await page.locator(`[data-show=${tile}] button`).click();
    await page.locator('[data-sort=name] button').click();
    assert.deepEqual(await pressed(), [tile]);
    assert.match(await page.locator('#shown').textContent(), new RegExp(`, with ${words} only$`));
    await urlHas(page, `?show=${tile}&sort=name`);
  }
  await page.reload();
  await page.locator('#live.good').waitFor();
  assert.deepEqual(await pressed(), ['surplus']);
  await page.locator('[data-show=""] button').click();
  assert.deepEqual(await pressed(), ['']);
  assert.equal(await page.locator('#shown').textContent(), 'Showing 18 of 18 images');
  await quiet(page);
});

test('is as its URL says', async () => {
  const page = await browser.live(stage.url + '?q=localhost&only=anomalous&sort=-name');
  assert.equal(await page.locator('#q').inputValue(), 'localhost');
  assert.ok(await page.locator('#only').isChecked());
  assert.equal(await sortOf(page, 'name'), 'descending');
  const names = await namesOf(page);
  assert.deepEqual(names, ['localhost:5000/team/tagdigest', 'localhost:5000/team/both:v1',
    'localhost:5000/namespace1/myimage:1.0.0']);
  await page.reload();
  await page.locator('#live.good').waitFor();
  assert.deepEqual(await namesOf(page), names);
  await page.goto(stage.url + '?sort=nonsense&show=nonsense&q=%3Cscript%3E');
  await page.locator('#live.good').waitFor();
  assert.equal(await page.locator('#empty').textContent(), 'No image fits.');
  await quiet(page);
});

for (const clipboard of ['with the clipboard', 'over plain HTTP, where there is none'])
  test('copies the whole id ' + clipboard, async () => {
    const page = await browser.live(stage.url, {permissions: ['clipboard-read', 'clipboard-write']}, async (before) => {
      if (!clipboard.startsWith('with'))
        await before.addInitScript(() => Object.defineProperty(navigator, 'clipboard', {value: undefined}));
    });
    await tabTo(page, '.copy');
    assert.equal(await page.evaluate(() => getComputedStyle(document.activeElement).opacity), '1');
    assert.match(await page.evaluate(() => document.activeElement.ariaLabel), /^Copy the id of /);
    assert.ok((await page.locator('.copy').first().boundingBox()).height >= 24);
    await page.keyboard.press('Enter');
    await page.locator('.copy', {hasText: 'Copied'}).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), 'Copied');
    assert.ok(await page.evaluate(() => document.activeElement.matches('.copy')), 'the focus stays');
    const id = await page.locator('#rows tr').first().getAttribute('data-id');
    await page.locator('#q').focus();
    await page.keyboard.press('Control+V');
    assert.equal(await page.locator('#q').inputValue(), id);
    await quiet(page);
  });

test('does not say that it copied what it could not', async () => {
  const page = await browser.live(stage.url, {}, async (before) => {
    await before.addInitScript(() => {
      Object.defineProperty(navigator, 'clipboard', {value: undefined});
      document.execCommand = () => false;
    });
  });
  await tabTo(page, '.copy');
  await page.keyboard.press('Enter');
  await page.locator('.copy', {hasText: 'Failed'}).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), 'Failed');
  await page.locator('.copy', {hasText: 'Failed'}).waitFor({state: 'detached'});
  assert.match(await page.evaluate(() => document.activeElement.ariaLabel), /^Copy the id of /);
  await quiet(page);
});
