'use strict';
{
// Makes what the server rendered live. Texts from outside only ever become text nodes and harmless attributes.
const FIRST = 200;        // rows that are shown unasked; the server renders as many
const AT_ONCE = 50;       // of them before the next picture
const LISTED = 100;       // entries of one list in a row's details, as the server has it
const EVERY = 5000;       // ms from one refresh to the next
const COUNTED = ['tagged_digest', 'placeholder'];  // anomalies that make no image anomalous
// What a tile shows, as the URL has it, and which images these are.
const FILTERS = {duplicate: 'duplicates', raw: 'RepoDigests', unique: 'RepoDigests', surplus: 'duplicates'};
const $ = (id) => document.getElementById(id);
const body = $('rows');
const all = (selector) => [...document.querySelectorAll(selector)];
const on = (target, type, action) => target.addEventListener(type, action);
const heads = all('thead th');
const keys = heads.map((head) => head.dataset.sort = head.textContent.toLowerCase());

const el = (tag, attributes, ...children) => {
  const element = document.createElement(tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  element.append(...children);
  return element;
};
const say = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };  // a live region speaks once
const kept = {};
/// The same for elements, where the focus may be.
const fill = (id, elements) => {
  const made = el('p', {}, ...elements).innerHTML;
  if ((kept[id] ??= $(id).innerHTML) === made) return;
  kept[id] = made;
  $(id).replaceChildren(...elements);
};
const plural = (count, word) => count + ' ' + word + (count === 1 ? '' : 's');

const itemOf = (image, index) => {
  const odd = image.anomalies.some((anomaly) => !COUNTED.includes(anomaly));
  const known = image.raw_count !== null;
  const {id, name} = image;
  const containers = image.containers || [];
  return {
    image, index, id, name, odd, known, containers,
    raw: image.raw_count ?? -1,
    unique: image.unique_count ?? -1,
    surplus: known ? image.raw_count - image.unique_count : -1,
    anomalies: image.anomalies.length,
    rank: image.duplicates.length ? 0 : odd ? 1 : 2,
    words: [name, id, ...image.repo_tags, ...(image.repo_digests || []), ...image.anomalies,
      ...containers.map((container) => container.name)].join('\n').toLowerCase(),
  };
};

// --- Rows. status_rows.cpp renders the same; a test compares the two.

const bdi = (text) => el('bdi', {}, text);
const badge = (text, grey) => el('span', {class: grey ? 'badge grey' : 'badge'}, text);
const short = (id) => id.replace(/^.*:/, '').slice(0, 12);
const called = ({id, name, state}) => [bdi(name || short(id)), ...(state === 'running' ? [] : [' (', bdi(state), ')'])];

const entry = (term, text) => [el('dt', {}, term), el('dd', {}, text)];
const listed = (term, entries, make) => {
  if (!entries.length) return [];
  const list = el('ul', {}, ...entries.slice(0, LISTED).map((one) => el('li', {}, ...make(one))));
  if (entries.length > LISTED) list.append(el('li', {}, 'and ' + (entries.length - LISTED) + ' more'));
  return entry(term, list);
};

const details = (item) => {
  const counts = new Map(item.image.duplicates.map((one) => [one.repo_digest, one.count]));
  return el('dl', {},
    ...entry('Id', el('code', {}, item.id)),
    ...listed('RepoDigests', item.image.repo_digests || [], (one) => [
      el('b', counts.has(one) ? {class: 'twice'} : {}, (counts.get(one) || 1) + '×'), el('code', {}, bdi(one))]),
    ...listed('Tags', item.image.repo_tags, (tag) => [bdi(tag)]),
    ...listed('Containers', item.containers, called),
    ...entry('JSON', el('a', {href: 'api/v1/images/' + item.id}, 'this image')));
};

const usedBy = (item) => {
  if (item.rank || !item.containers.length) return [];
  const line = el('p', {class: 'used'}, 'used by ');
  item.containers.slice(0, 3).forEach((one, i) => line.append(i ? ', ' : '', ...called(one)));
  if (item.containers.length > 3) line.append(' and ' + (item.containers.length - 3) + ' more');
  return [line];
};

const copyOf = (item) => 'Copy the id of ' + item.name;
const copy = async (button, item) => {
  const tell = (word, label = word) => {
    button.textContent = word;
    button.setAttribute('aria-label', label);
  };
  let done = true;
  try {
    await navigator.clipboard.writeText(item.id);
  } catch {  // there is no clipboard over plain HTTP
    const field = el('textarea', {readonly: ''});
    field.value = item.id;
    button.after(field);
    field.select();
    done = document.execCommand('copy');
    field.remove();
    button.focus({preventScroll: true});
  }
  tell(done ? 'Copied' : 'Failed');
  setTimeout(() => tell('Copy', copyOf(item)), 1500);
};

const rowOf = (item, open) => {
  const more = el('details', open ? {open} : {}, el('summary', {}, bdi(item.name)));
  const opened = () => { if (more.open && !more.lastChild.matches('dl')) more.append(details(item)); };
  on(more, 'toggle', opened);  // filled when opened: most never are
  opened();
  const button = el('button', {type: 'button', class: 'copy', 'aria-label': copyOf(item)}, 'Copy');
  on(button, 'click', () => copy(button, item));
  const badges = item.image.anomalies.map((one) => badge(one.replaceAll('_', ' '), COUNTED.includes(one)));
  if (!item.known && !item.image.anomalies.includes('not_inspectable')) badges.push(badge('not inspected yet', true));
  const row = el('tr', {'data-id': item.id},
    el('th', {scope: 'row'}, more, ...usedBy(item)),
    el('td', {}, el('code', {title: item.id}, short(item.id)), button),
    ...['raw', 'unique', 'surplus'].map((key) => el('td', {class: key === 'surplus' && item[key] > 0 ? 'num some' : 'num'},
      item.known ? item[key] : '–')), el('td', {}, ...badges));
  if (item.odd) row.className = 'odd';
  return row;
};

const rows = new Map();  // what was made, by id: {row, key}
const make = (item, open) => rows.set(item.id, {row: rowOf(item, open), key: JSON.stringify(item.image)});
const cached = (item) => {
  if (!rows.has(item.id)) make(item);
  return rows.get(item.id).row;
};

/// Puts these rows on the page and leaves the focus where it was.
const put = (wanted) => {
  const there = [...body.rows];  // the live list is slow to index
  if (wanted.length === there.length && wanted.every((row, i) => row === there[i])) return;
  const focus = document.activeElement;
  const of = body.contains(focus) && focus.closest('tr').dataset.id;
  body.replaceChildren(...wanted);
  if (!of) return;
  const row = rows.get(of).row;
  if (row.isConnected) row.querySelector(focus.localName + (focus.className && '.' + focus.className))?.focus({preventScroll: true});
};

// --- What is shown of them: the state is the URL

let items = null;  // null: what the server rendered still stands
let none;          // why there is no list
let view = {q: '', only: false, show: '', sort: ''};
let everything = false;
let growing = 0;

const readUrl = () => {
  const url = new URLSearchParams(location.search);
  const sort = url.get('sort') || '';
  const show = url.get('show');
  view = {q: url.get('q') || '', only: url.get('only') === 'anomalous', show: Object.keys(FILTERS).includes(show) ? show : '',
    sort: keys.includes(sort.replace(/^-/, '')) ? sort : ''};
};

let writing = 0;
const writeUrl = () => {
  clearTimeout(writing);  // browsers allow few changes a second
  writing = setTimeout(() => {
    const url = new URLSearchParams();
    for (const [name, value] of Object.entries({...view, only: view.only && 'anomalous'})) if (value) url.set(name, value);
    history.replaceState(null, '', (String(url) && '?' + url) || location.pathname);
  }, 250);
};

const fits = (item, words) =>
  (!view.only || item.odd) && (!view.show || (FILTERS[view.show] === 'duplicates' ? item.rank === 0 : item.raw > 0)) &&
  words.every((word) => item.words.includes(word));

const sortKey = () => view.sort.replace(/^-/, '');
const order = () => {
  if (!view.sort) return (a, b) => a.rank - b.rank || a.index - b.index;
  const key = sortKey() === 'name' ? 'index' : sortKey();
  const sign = view.sort[0] === '-' ? -1 : 1;
  return (a, b) => sign * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0) || a.index - b.index;
};

/// `keep`: nobody asked for other rows, so as many stay as there are.
const show = (keep) => {
  const key = sortKey();
  for (const head of heads) {
    if (head.dataset.sort === key) head.setAttribute('aria-sort', view.sort === key ? 'ascending' : 'descending');
    else head.removeAttribute('aria-sort');
  }
  for (const button of all('.tile button'))
    button.setAttribute('aria-pressed', String(button.parentNode.dataset.show === view.show));
  document.querySelector('caption').textContent = !key ? 'Images, those with anomalies first'
    : 'Images, sorted by ' + key + (view.sort === key ? ', ascending' : ', descending');
  if (!items) return;
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = items.filter((item) => fits(item, words)).sort(order());
  clearTimeout(growing);
  const shown = everything ? found.length : Math.min(found.length, FIRST);
  put(found.slice(0, Math.min(shown, keep ? Math.max(AT_ONCE, body.rows.length) : AT_ONCE)).map(cached));
  const grow = () => {
    const count = body.rows.length;
    if (count >= shown) return;
    body.append(...found.slice(count, Math.min(shown, count + FIRST)).map(cached));
    growing = setTimeout(grow);
  };
  growing = setTimeout(grow);
  const kind = view.show && ' with ' + FILTERS[view.show];
  say('shown', none ? '' : 'Showing ' + shown + ' of ' + plural(items.length, 'image') + (kind && ',' + kind + ' only'));
  $('all').hidden = shown === found.length;
  $('all').textContent = 'Show all ' + found.length;
  say('empty', none || (found.length ? '' : items.length ? 'No image' + kind + ' fits.' : 'The engine has no images.'));
};

const change = (what) => {
  Object.assign(view, what);
  everything = false;
  $('only').checked = view.only;
  if ($('q').value !== view.q) $('q').value = view.q;
  show();
  writeUrl();
};

// --- What the server says

const ago = (seconds) => seconds < 60 ? seconds + ' s ago' : seconds < 3600 ? Math.floor(seconds / 60) + ' min ago'
  : seconds < 172800 ? Math.floor(seconds / 3600) + ' h ago' : Math.floor(seconds / 86400) + ' days ago';
const clock = () => new Date().toLocaleTimeString();

const light = (id, kind, text, title) => {
  $(id).className = kind;
  $(id).title = title || '';
  say(id, text);
};

const takeTotals = (totals) => {
  const {images, images_with_duplicates: duplicates, repo_digests: raw, repo_digests_unique: unique} = totals || {};
  const tiles = {images, duplicates, raw, unique, surplus: raw - unique};
  for (const tile in tiles) say('t-' + tile, totals ? String(tiles[tile]) : '–');
  for (const tile of ['duplicates', 'surplus'])
    $('t-' + tile).closest('.tile').classList.toggle('some', tiles[tile] > 0);
  for (const id of ['bar', 'key']) $(id).toggleAttribute('hidden', !raw);
  if (raw) $('part').setAttribute('width', Math.floor(100 * unique / raw) + '%');
};

/// With an error instead of images nothing is listed yet, or it is another engine now.
const takeImages = ({images = [], totals, error}) => {
  items = images.map(itemOf);
  none = error;
  const known = new Map(items.map((item) => [item.id, item]));
  for (const [id, made] of rows) {
    const item = known.get(id);
    if (item && made.key === JSON.stringify(item.image)) continue;
    rows.delete(id);
    if (item && made.row.querySelector('details').open) make(item, true);  // stays open where somebody reads
  }
  takeTotals(totals);
  show(true);
};

const takeWords = (summary, {engine, advisories, poll}) => {
  if (engine) {
    say('host', engine.name);
    say('engine', 'Engine ' + engine.version + ' · API ' + engine.api_version + ' · ' + engine.image_store +
      ' image store (' + engine.storage_driver + ')');
    document.title = engine.name + ' · repodigest_exporter';
  }
  const error = poll.last_error;
  light('up', poll.up ? 'good' : error ? 'bad' : '',
    poll.up ? 'Engine answers' : error ? 'Engine does not answer' : 'Engine not heard yet');
  light('confirmed', poll.last_confirmed && !poll.stale ? 'good' : '',
    poll.last_confirmed ? 'Confirmed ' + ago(summary.seconds_since_confirmed) : 'Not confirmed yet', poll.last_confirmed);
  light('events', summary.events_connected ? 'good' : '',
    summary.events_connected ? 'Event stream connected' : 'Event stream not connected');
  light('error', error ? 'bad' : 'good', 'Last error: ' + (error ? error.reason : 'none'), error && error.at);
  const lines = [];
  if (poll.stale) lines.push('Stale: the engine has not confirmed this for too long. What stands here is what it said last.');
  if (error) lines.push((poll.up ? 'The last poll failed: ' : 'The engine does not answer: ') + error.text);
  trouble(lines);
  fill('advisories', advisories.filter((one) => one.affects).map((one) => el('li', {}, el('a', {href: one.url}, one.id), ': ' + one.text + '. ',
    el('b', {}, 'Upgrade to ' + one.fixed_in + ' or later.'))));
  const notes = [];
  if (summary.pending) notes.push(plural(summary.pending, 'image') + ' still to be inspected.');
  if (summary.containers_with_duplicates)
    notes.push(plural(summary.containers_with_duplicates, 'running container') + ' of images with duplicates.');
  say('note', notes.join(' '));
};

const trouble = (lines) => fill('trouble', lines.map((line) => el('p', {}, line)));

// --- Refreshing

let etag = '';
let timer = 0;
let paused = false;
let asking = false;
let wait = EVERY;
let heard = '';  // when the exporter last answered

const ask = async (path, headers) => {
  const url = new URL('api/v1/' + path, location.origin + location.pathname);  // without the credentials of a base URL
  let answer, text;
  try {
    answer = await fetch(url, {headers, cache: 'no-store', signal: AbortSignal.timeout(20000)});
    text = await answer.text();
  } catch (failure) {
    throw new Error('The exporter does not answer (' + failure.message + ').');
  }
  const {status} = answer;
  const type = (answer.headers.get('Content-Type') || '').split(';')[0];
  if (status !== 304 && (type !== 'application/json' || !answer.ok && status !== 503))  // others may answer 503 too
    throw new Error('The exporter answered ' + status + (answer.ok ? ' with ' + type : '') + '.');
  return {status, etag: answer.headers.get('ETag'), body: text && JSON.parse(text)};
};

const refresh = async () => {
  clearTimeout(timer);
  if (asking || paused) return;
  asking = true;
  try {
    const images = await ask('images', etag ? {'If-None-Match': etag} : {});  // one at a time: --web.max-requests=1
    const summary = await ask('summary');
    const engine = await ask('engine');
    if (!paused) {
      takeWords(summary.body, engine.body);
      if (images.status !== 304) {
        takeImages(images.body);
        etag = images.etag;  // none where nothing is listed
      }
      heard = clock();
      wait = EVERY;
      light('live', 'good', 'Live');
    }
  } catch (failure) {
    if (!paused) {
      wait = Math.min(wait * 2, 60000);
      light('live', 'bad', 'Not live');
      trouble([failure.message + (heard ? ' What stands here is from ' + heard + '.' : '')]);
      for (const one of $('strip').children) {
        if (one.className !== 'old') one.append(' (last known)');
        one.className = 'old';
      }
    }
  }
  asking = false;
  if (!paused && !document.hidden) timer = setTimeout(refresh, wait);
};

// --- Start

const pressable = (element, action) => {
  const button = el('button', {type: 'button'}, ...element.childNodes);
  on(button, 'click', () => action(button));
  element.append(button);
};
for (const tile of all('.tile')) {
  const name = tile.firstChild.id.slice(2);
  const filter = tile.dataset.show = {images: '', duplicates: 'duplicate'}[name] ?? name;
  tile.classList.add('live-tile');
  pressable(tile, (button) => {
    const show = button.getAttribute('aria-pressed') === 'true' ? '' : filter;
    change({q: '', only: false, show, sort: keys.includes(show) ? '-' + show : ''});
  });
}
for (const head of heads) {
  const key = head.dataset.sort;
  const down = key !== 'name' && key !== 'id';  // numbers: most first
  pressable(head, () => change({sort: ((sortKey() === key ? view.sort === key : down) ? '-' : '') + key}));
}
readUrl();
$('tools').hidden = $('pause').hidden = false;
$('q').value = view.q;
$('only').checked = view.only;
on($('q'), 'input', () => change({q: $('q').value}));
on($('only'), 'change', () => change({only: $('only').checked}));
on($('tools'), 'submit', (event) => event.preventDefault());
on($('all'), 'click', () => { everything = true; show(true); });
on($('pause'), 'click', () => {
  paused = !paused;
  $('pause').textContent = paused ? 'Resume' : 'Pause';
  if (paused) light('live', '', 'Paused at ' + clock());
  else refresh();
});
on(document, 'visibilitychange', () => { if (document.hidden) clearTimeout(timer); else refresh(); });
show();
refresh();
}
