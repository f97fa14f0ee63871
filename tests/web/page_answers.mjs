// What the page makes of answers that are not the usual ones. Where an answer is not the program's own, it is written here.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {Browser, Stage, accessible, namesOf, output, quiet, refresh, refreshUntil, settled, withClock} from './page_driver.mjs';

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

const json = (body, status = 200) => ({status, contentType: 'application/json', body: JSON.stringify(body)});
const api = (path) => '**/api/v1/' + path;
/// An answer of the program's, changed by `change` from now on.
const changed = (page, path, change) => page.route(api(path), async (route) => {
  const answer = await route.fetch({headers: {...route.request().headers(), 'if-none-match': ''}});
  const body = await answer.json();
  change(body);
  await route.fulfill(json(body));
});
/// Counts from now on how often something below it changes.
const watch = (page, selector) => page.locator(selector).evaluate((element) => {
  window.changes = 0;
  new MutationObserver((all) => { window.changes += all.length; })
    .observe(element, {childList: true, subtree: true, characterData: true});
});
const focused = (page) => page.evaluate(() => document.activeElement.textContent);

test('is live where the URL has a name and a password in it', async () => {
  const url = stage.url.replace('//', '//somebody:secret@');
  const page = await browser.live(url);
  await page.locator('#only').check();
  await page.waitForFunction(() => location.search === '?only=anomalous');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('asks for one document after the other', async () => {
  let under = 0;
  let most = 0;
  const page = await browser.live(stage.url, {}, (fresh) => fresh.route(api('*'), async (route) => {
    most = Math.max(most, ++under);
    const answer = await route.fetch();
    --under;
    await route.fulfill({response: answer});
  }));
  assert.equal(most, 1);
  await quiet(page);
});

test('another engine that has not listed yet has no numbers, and not those of the one before', async () => {
  const page = await browser.live(stage.url, {}, withClock);
  await page.route(api('images'), (route) => route.fulfill(json({error: 'nothing listed yet: it sleeps'}, 503)));
  await refreshUntil(page, '#empty', /^nothing listed yet: it sleeps$/);
  for (const tile of ['images', 'duplicates', 'raw', 'unique', 'surplus'])
    assert.equal(await page.locator('#t-' + tile).textContent(), '–', tile);
  assert.equal(await page.locator('.tile.some').count(), 0);
  assert.equal(await page.locator('#bar:visible, #key:visible').count(), 0, 'no bar of nothing');
  assert.equal(await page.locator('#shown').textContent(), '');
  assert.deepEqual(await namesOf(page), []);
  await page.locator('#q').fill('x');
  assert.equal(await page.locator('#empty').textContent(), 'nothing listed yet: it sleeps', 'whatever is searched');
  assert.equal(await page.locator('#shown').textContent(), '');
  await accessible(page);
  await page.screenshot({path: `${output}/not-listed.png`});
  await page.locator('#q').fill('');
  await page.unroute(api('images'));
  await refreshUntil(page, '#shown', /^Showing 18 of 18 images$/);
  assert.equal(await page.locator('#t-raw').textContent(), '155');
  assert.equal(await page.locator('#empty').textContent(), '');
  assert.equal(await page.locator('#bar:visible, #key:visible').count(), 2);
  assert.ok(page.complaints.every((one) => one.includes('status of 503')), page.complaints.join());
  await page.context().close();
});

test('an engine without images is said to have none', async () => {
  const page = await browser.live(stage.url, {}, (fresh) => changed(fresh, 'images', (body) => {
    body.images = [];
    for (const total in body.totals) body.totals[total] = 0;
  }));
  assert.equal(await page.locator('#empty').textContent(), 'The engine has no images.');
  assert.equal(await page.locator('#shown').textContent(), 'Showing 0 of 0 images');
  assert.equal(await page.locator('#t-raw').textContent(), '0');
  assert.equal(await page.locator('#bar:visible, #key:visible').count(), 0);
  await quiet(page);
});

test('says a trouble of two lines once, and not every five seconds', async () => {
  const page = await browser.open(stage.url, {}, async (fresh) => {
    await withClock(fresh);
    await changed(fresh, 'engine', ({poll}) => {
      poll.up = false;
      poll.stale = true;
      poll.last_error = {reason: 'connect', text: 'nobody there', at: '2026-11-23T20:00:00.000Z'};
    });
  });
  await refreshUntil(page, '#trouble', /Stale: .*The engine does not answer: nobody there/);
  await watch(page, '#trouble');
  for (let i = 0; i < 3; ++i) await refresh(page);
  await refreshUntil(page, '#live', /^Live$/);
  assert.equal(await page.evaluate(() => window.changes), 0);
  await page.unroute(api('engine'));
  await refreshUntil(page, '#trouble', /^$/);
  await quiet(page);
});

test('leaves the focus on the link of an advisory', async () => {
  const page = await browser.live(stage.url, {}, withClock);
  await watch(page, '#advisories');
  await page.locator('#advisories a').first().focus();
  for (let i = 0; i < 3; ++i) await refresh(page);
  assert.equal(await focused(page), 'moby-48747');
  assert.equal(await page.evaluate(() => window.changes), 0);
  await quiet(page);
});

test('leaves the focus on the link of an image that changes', async () => {
  const page = await browser.live(stage.url, {}, withClock);
  const row = page.locator('#rows tr', {hasText: 'retag:latest'});
  await row.locator('summary').click();
  await row.locator('dl a').focus();
  await changed(page, 'images', ({images}) => {
    for (const image of images) if (image.name === 'retag:latest') image.repo_tags.push('retag:tomorrow');
  });
  await refreshUntil(page, '#rows tr:has([open]) dl', /retag:tomorrow/);
  assert.equal(await focused(page), 'this image');
  assert.equal(await page.locator('#rows details[open]').count(), 1);
  await quiet(page);
});

test('calls images as the JSON does', async () => {
  const page = await browser.live(stage.url, {}, (fresh) => changed(fresh, 'images', ({images}) => {
    images[0].name = 'named/by-its-list-row';
  }));
  assert.ok((await namesOf(page)).includes('named/by-its-list-row'));
  await page.locator('#q').fill('by-its-list');
  assert.deepEqual(await namesOf(page), ['named/by-its-list-row']);
  await quiet(page);
});

test('says what an exporter with too much to do answered, and that it is there', async () => {
  const page = await browser.live(stage.url, {}, withClock);
  await page.route(api('summary'), (route) =>
    route.fulfill({status: 503, contentType: 'text/plain; charset=utf-8', body: 'too many requests at once\n'}));
  await refreshUntil(page, '#trouble', /^The exporter answered 503\. What stands here is from \d/);
  assert.equal(await page.locator('#live').textContent(), 'Not live');
  await page.unroute(api('summary'));
  await page.route(api('summary'), (route) =>
    route.fulfill({status: 200, contentType: 'text/html', body: '<h1>Who are you?</h1>'}));
  await refreshUntil(page, '#trouble', /^The exporter answered 200 with text\/html\./);
  await page.unroute(api('summary'));
  await refreshUntil(page, '#trouble', /^$/);
  await page.locator('#live.good').waitFor();
  assert.ok(page.complaints.every((one) => one.includes('status of 503')), page.complaints.join());
  await page.context().close();
});

test('stays paused when a request under way fails', async () => {
  const page = await browser.live(stage.url, {}, withClock);
  let fail;
  const asked = new Promise((resolve) => {
    page.route(api('images'), (route) => {
      fail = () => route.abort();
      resolve();
    });
  });
  await page.clock.runFor(5000);
  await asked;
  await page.locator('#pause').click();
  const failed = page.waitForEvent('requestfailed');
  await fail();
  await failed;
  await settled(page);
  assert.match(await page.locator('#live').textContent(), /^Paused at /);
  assert.equal(await page.locator('#trouble').textContent(), '');
  await page.context().close();
});
