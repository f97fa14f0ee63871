// Names that want to be more than names.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {Browser, Stage, accessible, namesOf, openAll, output, quiet, rowsOf} from './page_driver.mjs';

let stage;
let browser;
before(async () => {
  stage = await Stage.start('hostile');
  browser = await Browser.start();
});
after(async () => {
  await browser.end();
  await stage.end();
});

const names = ['<img src=x onerror=window.hacked=1>', '"><script>window.hacked=1</script>',
  '\' onmouseover=\'window.hacked=1', '</style></script><h1>owned</h1>', 'javascript:window.hacked=1',
  '{{rows}}${window.hacked=1}', '\u202Egpj.exe', 'שלום/app:1', 'w'.repeat(255), 'named/by-its-row'];

for (const script of [true, false])
  test('are text and nothing else, ' + (script ? 'with' : 'without') + ' script', async () => {
    const page = script ? await browser.live(stage.url) : await browser.open(stage.url, {javaScriptEnabled: false});
    const shown = await namesOf(page);
    for (const name of names) assert.ok(shown.includes(name), name);
    if (script) await openAll(page);
    assert.equal(await page.locator('#rows :is(img, script, h1, svg, style)').count(), 0);
    assert.equal(await page.locator('script').count(), 1);
    assert.equal(await page.locator('h1').textContent(), '<b onclick=window.hacked=1>host</b>');
    assert.equal(await page.locator('h1 *').count(), 0);
    const attributes = await page.locator('#rows *').evaluateAll((all) =>
      [...new Set(all.flatMap((one) => one.getAttributeNames()))].sort());
    for (const one of attributes)
      assert.ok(['aria-label', 'class', 'data-id', 'href', 'open', 'scope', 'title', 'type'].includes(one), one);
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    await quiet(page);
  });

test('come out of the script as out of the server', async () => {
  const plain = await browser.open(stage.url, {javaScriptEnabled: false});
  const page = await browser.live(stage.url);
  await openAll(page);
  assert.deepEqual(await rowsOf(page), await rowsOf(plain));
  await quiet(plain);
  await quiet(page);
});

test('turn no other text around and widen nothing', async () => {
  for (const width of [1280, 320]) {
    const page = await browser.live(stage.url, {viewport: {width, height: 900}});
    await openAll(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
    await accessible(page);
    await page.screenshot({path: `${output}/hostile-${width}.png`, fullPage: true});
    await quiet(page);
  }
});

test('can be searched for', async () => {
  const page = await browser.live(stage.url + '?q=' + encodeURIComponent('<img src=x onerror=window.hacked=1>'));
  assert.deepEqual(await namesOf(page), ['<img src=x onerror=window.hacked=1>']);
  await page.locator('#q').fill('<svg onload');
  assert.deepEqual(await namesOf(page), ['</style></script><h1>owned</h1>'], 'by the name of a container');
  await quiet(page);
});
