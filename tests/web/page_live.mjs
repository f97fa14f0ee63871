// What changes while somebody looks: images, the engine, the program.
import assert from 'node:assert/strict';
import {createServer, request} from 'node:http';
import {after, before, test} from 'node:test';
import {Browser, Stage, accessible, namesOf, output, quiet, refresh, refreshUntil, settled,
  withClock} from './page_driver.mjs';

let browser;
before(async () => { browser = await Browser.start(); });
after(() => browser.end());

test('asks with the ETag, and shows a new image where the focus is kept', async (t) => {
  const stage = await Stage.start('recorded');
  t.after(() => stage.end());
  const page = await browser.live(stage.url, {}, withClock);
  let status = 200;  // as long as its first looks still bring news
  for (const end = Date.now() + 30000; status !== 304 && Date.now() < end;) status = (await refresh(page))[0].status();
  assert.equal(status, 304);
  const summary = page.locator('#rows summary', {hasText: 'retag:latest'});
  await summary.focus();
  await page.keyboard.press('Enter');
  await stage.tell('add: brand/new:1');
  await refreshUntil(page, '#shown', /19 of 19/);
  assert.equal((await namesOf(page)).filter((name) => name === 'brand/new:1').length, 1);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'retag:latest');
  assert.ok(await page.locator('#rows tr', {hasText: 'retag:latest'}).locator('dl').isVisible(), 'still open');
  await quiet(page);
});

test('says that the engine went, keeps what it knows, and says that it is back', async (t) => {
  const stage = await Stage.start('recorded');
  t.after(() => stage.end());
  const page = await browser.live(stage.url, {}, withClock);
  await stage.tell('die');
  await refreshUntil(page, '#trouble', /does not answer: .*docker\.sock/);
  await refreshUntil(page, '#trouble', /Stale/);
  assert.equal(await page.locator('#up').textContent(), 'Engine does not answer');
  assert.equal(await page.locator('#error').textContent(), 'Last error: connect');
  assert.equal((await namesOf(page)).length, 18);
  assert.equal(await page.locator('#t-raw').textContent(), '155');
  await accessible(page);
  await page.screenshot({path: `${output}/engine-away.png`});
  const plain = await browser.open(stage.url, {javaScriptEnabled: false});
  assert.equal(await plain.locator('#trouble').innerText(), await page.locator('#trouble').innerText());
  await quiet(plain);
  await stage.tell('return');
  await refreshUntil(page, '#up', /^Engine answers$/);
  await refreshUntil(page, '#trouble', /^$/);
  await quiet(page);
});

test('asks nothing while it is paused or hidden', async (t) => {
  const stage = await Stage.start('recorded');
  t.after(() => stage.end());
  const page = await browser.live(stage.url, {}, async (fresh) => {
    await withClock(fresh);
    await fresh.addInitScript(() => Object.defineProperty(document, 'hidden', {get: () => window.away}));
  });
  await refresh(page);
  const turn = (away) => page.evaluate((value) => {
    window.away = value;
    document.dispatchEvent(new Event('visibilitychange'));
  }, away);
  const calm = async () => {
    const before = page.sent.length;
    await page.clock.runFor(300000);
    await settled(page);
    return page.sent.length === before + 1;
  };
  await page.locator('#pause').click();
  assert.match(await page.locator('#live').textContent(), /^Paused at /);
  assert.ok(await calm());
  const resumed = page.waitForResponse(/summary/);
  await page.locator('#pause').click();
  await resumed;
  await page.locator('#live.good').waitFor();
  await turn(true);
  assert.ok(await calm());
  const seen = page.waitForResponse(/summary/);
  await turn(false);
  await seen;
  await quiet(page);
});

test('says that the exporter went, and from when it is what stands there', async (t) => {
  const stage = await Stage.start('recorded');
  t.after(() => stage.end());
  const page = await browser.live(stage.url, {}, withClock);
  await stage.tell('end the program');
  await page.clock.runFor(6000);
  await page.locator('#live.bad').waitFor();
  assert.match(await page.locator('#trouble').textContent(), /The exporter does not answer .* from \d/);
  assert.equal(await page.locator('#strip li:is(.good, .bad)').count(), 0, 'no light of an engine nobody hears');
  for (const light of await page.locator('#strip li').allTextContents()) assert.match(light, /[a-z] \(last known\)$/);
  await page.clock.runFor(60000);
  assert.match(await page.locator('#up').textContent(), /^Engine answers \(last known\)$/, 'said once');
  await accessible(page);
  await page.screenshot({path: `${output}/exporter-away.png`});
  assert.equal((await namesOf(page)).length, 18);
  assert.ok(page.complaints.every((one) => /no answer from|ERR_CONNECTION/.test(one)), page.complaints.join());
  await page.context().close();
});

test('works below a path, behind a proxy that takes it off', async (t) => {
  const stage = await Stage.start('recorded');
  t.after(() => stage.end());
  const prefix = '/tools/digests';
  const strays = [];
  const proxy = createServer((asked, answer) => {
    if (!asked.url.startsWith(prefix + '/')) {
      strays.push(asked.url);
      answer.writeHead(404).end();
      return;
    }
    request(new URL(asked.url.slice(prefix.length), stage.url), {headers: asked.headers}, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    }).end();
  });
  t.after(() => proxy.close().closeAllConnections());
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const page = await browser.live(`http://127.0.0.1:${proxy.address().port}${prefix}/`);
  for (const link of await page.locator('nav a, #rows tr:first-child a').all()) {
    const target = new URL(await link.getAttribute('href'), page.url());
    assert.equal((await fetch(target)).status, 200, target.href);
  }
  await page.locator('#only').check();
  await page.waitForFunction(() => location.search);
  assert.equal(new URL(page.url()).pathname, prefix + '/');
  assert.deepEqual(strays, []);
  await quiet(page);
});
