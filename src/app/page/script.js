'use strict';
{
// Makes what the server rendered live. Texts from outside only ever become text nodes and harmless attributes.
const FIRST = 200;        // rows that are shown unasked; the server renders as many
const AT_ONCE = 50;       // of them before the next picture
const LISTED = 100;       // entries of one list in a row's details, as the server has it
const EVERY = 5000;       // ms from one refresh to the next
const COUNTED = ['tagged_digest', 'placeholder'];  // anomalies that make no image anomalous
const TILES = {           // what a tile shows: [filter, order]
  images: ['', ''], duplicates: ['duplicate', ''], raw: ['digests', '-raw'], unique: ['digests', '-unique'],
  surplus: ['duplicate', '-surplus'],
};
const $ = (id) => document.getElementById(id);
const body = $('rows');
const heads = [...document.querySelectorAll('[data-sort]')];
const keys = heads.map((head) => head.dataset.sort);

const el = (tag, attributes, ...children) => {
  const element = document.createElement(tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  element.append(...children);
  return element;
};
const say = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };  // a live region speaks once
const plural = (count, word) => count + ' ' + word + (count === 1 ? '' : 's');

// --- Images

/// As the server names an image (the rule is the API's).
const nameOf = (image) => {
  const tags = image.repo_tags.filter((tag) => !tag.includes('@')).sort();
  if (tags.length) return tags[0];
  for (const entry of [...(image.repo_digests || []), ...image.repo_tags]) {
    const parts = /^([\w.:/[\]-]+?)(:[\w.-]+)?@sha\d+:/.exec(entry);
    if (parts) return parts[1];
  }
  return '<none>';
};

const itemOf = (image, index) => {
  const odd = image.anomalies.some((anomaly) => !COUNTED.includes(anomaly));
  const known = image.raw_count !== null;
  const name = nameOf(image);
  const containers = image.containers || [];
  return {
    image, index, name, odd, known, containers, id: image.id,
    raw: known ? image.raw_count : -1,
    unique: known ? image.unique_count : -1,
    surplus: known ? image.raw_count - image.unique_count : -1,
    anomalies: image.anomalies.length,
    rank: image.duplicates.length ? 0 : odd ? 1 : 2,
    words: [name, image.id, ...image.repo_tags, ...(image.repo_digests || []), ...image.anomalies,
      ...containers.map((container) => container.name)].join('\n').toLowerCase(),
  };
};

// --- Rows. status_rows.cpp renders the same; a test compares the two.

const bdi = (text) => el('bdi', {}, text);
const badge = (text, grey) => el('span', {class: grey ? 'badge grey' : 'badge'}, text);
const label = (container) => container.name || container.id.slice(0, 12);
const state = (container) => container.state === 'running' ? '' : ' (' + container.state + ')';

const listed = (term, entries, make) => {
  if (!entries.length) return [];
  const list = el('ul', {}, ...entries.slice(0, LISTED).map((entry) => el('li', {}, ...make(entry))));
  if (entries.length > LISTED) list.append(el('li', {}, 'and ' + (entries.length - LISTED) + ' more'));
  return [el('dt', {}, term), el('dd', {}, list)];
};

const details = (item) => {
  const counts = new Map(item.image.duplicates.map((one) => [one.repo_digest, one.count]));
  return el('dl', {},
    el('dt', {}, 'Id'), el('dd', {}, el('code', {}, item.id)),
    ...listed('RepoDigests', item.image.repo_digests || [], (entry) => [
      counts.has(entry) ? el('b', {class: 'twice'}, counts.get(entry) + '×') : el('b', {}, '1×'),
      el('code', {}, bdi(entry))]),
    ...listed('Tags', item.image.repo_tags, (tag) => [bdi(tag)]),
    ...listed('Containers', item.containers, (one) => [bdi(label(one)), state(one)]),
    el('dt', {}, 'JSON'), el('dd', {}, el('a', {href: 'api/v1/images/' + item.id}, 'this image')));
};

const usedBy = (item) => {
  if (item.rank || !item.containers.length) return [];
  const line = el('p', {class: 'used'}, 'used by ');
  item.containers.slice(0, 3).forEach((one, i) => line.append(i ? ', ' : '', bdi(label(one)), state(one)));
  if (item.containers.length > 3) line.append(' and ' + (item.containers.length - 3) + ' more');
  return [line];
};

const copy = async (button, text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // there is no clipboard over plain HTTP
    const field = el('textarea', {readonly: ''});
    field.value = text;
    button.after(field);
    field.select();
    document.execCommand('copy');
    field.remove();
    button.focus({preventScroll: true});
  }
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
};

const rowOf = (item) => {
  const more = el('details', {}, el('summary', {}, bdi(item.name)));
  const fill = () => { if (more.open && !more.lastChild.matches('dl')) more.append(details(item)); };
  more.addEventListener('toggle', fill);  // filled when opened: most never are
  const button = el('button', {type: 'button', class: 'copy', 'aria-label': 'Copy the id of ' + item.name}, 'Copy');
  button.addEventListener('click', () => copy(button, item.id));
  const number = (value, kind) => el('td', {class: kind}, item.known ? String(value) : '–');
  const badges = item.image.anomalies.map((one) => badge(one.replaceAll('_', ' '), COUNTED.includes(one)));
  if (!item.known && !item.image.anomalies.includes('not_inspectable')) badges.push(badge('not inspected yet', true));
  const row = el('tr', {'data-id': item.id},
    el('th', {scope: 'row'}, more, ...usedBy(item)),
    el('td', {}, el('code', {title: item.id}, item.id.replace(/^.*:/, '').slice(0, 12)), button),
    number(item.raw, 'num'), number(item.unique, 'num'), number(item.surplus, item.surplus > 0 ? 'num some' : 'num'), el('td', {}, ...badges));
  if (item.odd) row.className = 'odd';
  return row;
};

const rows = new Map();  // what was made, by id: {row, key}
const cached = (item) => {
  let made = rows.get(item.id);
  if (!made) rows.set(item.id, made = {row: rowOf(item), key: JSON.stringify(item.image)});
  return made.row;
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
let view = {q: '', only: false, show: '', sort: ''};
let everything = false;
let growing = 0;

const readUrl = () => {
  const url = new URLSearchParams(location.search);
  const sort = url.get('sort') || '';
  view = {q: url.get('q') || '', only: url.get('only') === 'anomalous', show: url.get('show') || '',
    sort: keys.includes(sort.replace(/^-/, '')) ? sort : ''};
};

let writing = 0;
const writeUrl = () => {
  clearTimeout(writing);  // browsers allow few changes a second
  writing = setTimeout(() => {
    const url = new URLSearchParams();
    if (view.q) url.set('q', view.q);
    if (view.only) url.set('only', 'anomalous');
    if (view.show) url.set('show', view.show);
    if (view.sort) url.set('sort', view.sort);
    history.replaceState(null, '', (String(url) && '?' + url) || location.pathname);
  }, 250);
};

const fits = (item, words) =>
  (!view.only || item.odd) && (view.show !== 'duplicate' || item.rank === 0) &&
  (view.show !== 'digests' || item.raw > 0) && words.every((word) => item.words.includes(word));

const order = () => {
  if (!view.sort) return (a, b) => a.rank - b.rank || a.index - b.index;
  const key = view.sort.replace(/^-/, '');
  const sign = view.sort === key ? 1 : -1;
  if (key === 'name') return (a, b) => sign * (a.index - b.index);
  return (a, b) => sign * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0) || a.index - b.index;
};

/// `keep`: nobody asked for other rows, so as many stay as there are.
const show = (keep) => {
  const key = view.sort.replace(/^-/, '');
  for (const head of heads) {
    if (head.dataset.sort === key) head.setAttribute('aria-sort', view.sort === key ? 'ascending' : 'descending');
    else head.removeAttribute('aria-sort');
  }
  document.querySelectorAll('.tile button').forEach((button) => {
    const [filter, sort] = TILES[button.parentNode.dataset.tile];
    button.setAttribute('aria-pressed', String(filter === view.show && sort === view.sort && !view.only && !view.q));
  });
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
  say('shown', 'Showing ' + shown + ' of ' + plural(items.length, 'image'));
  $('all').hidden = shown === found.length;
  $('all').textContent = 'Show all ' + found.length;
  $('empty').textContent = found.length ? '' : items.length ? 'No image fits.' : 'The engine has no images.';
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

const takeImages = ({images, totals}) => {
  items = images.map(itemOf);
  const known = new Map(items.map((item) => [item.id, item]));
  for (const [id, made] of rows) {
    const item = known.get(id);
    if (item && made.key === JSON.stringify(item.image)) continue;
    rows.delete(id);
    if (!item || !made.row.querySelector('details').open) continue;
    cached(item).querySelector('details').open = true;  // stays open where somebody reads
  }
  const {images: all, images_with_duplicates: duplicates, repo_digests: raw, repo_digests_unique: unique} = totals;
  const tiles = {images: all, duplicates, raw, unique, surplus: raw - unique};
  for (const tile in tiles) say('t-' + tile, String(tiles[tile]));
  for (const tile of ['duplicates', 'surplus'])
    $('t-' + tile).closest('.tile').classList.toggle('some', tiles[tile] > 0);
  $('part').setAttribute('width', (raw ? Math.floor(100 * unique / raw) : 100) + '%');
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
  const affecting = advisories.filter((one) => one.affects);
  $('advisories').replaceChildren(...affecting.map((one) => el('li', {}, el('a', {href: one.url}, one.id), ': ' + one.text + '. ',
    el('b', {}, 'Upgrade to ' + one.fixed_in + ' or later.'))));
  const notes = [];
  if (summary.pending) notes.push(plural(summary.pending, 'image') + ' still to be inspected.');
  if (summary.containers_with_duplicates)
    notes.push(plural(summary.containers_with_duplicates, 'running container') + ' of images with duplicates.');
  say('note', notes.join(' '));
};

const trouble = (lines) => {
  if ($('trouble').innerText.trim() !== lines.join('\n')) $('trouble').replaceChildren(...lines.map((line) => el('p', {}, line)));
};

// --- Refreshing

let etag = '';
let timer = 0;
let paused = false;
let asking = false;
let wait = EVERY;
let heard = '';  // when the exporter last answered

const ask = async (path, headers) => {
  const answer = await fetch('api/v1/' + path, {headers, cache: 'no-store', signal: AbortSignal.timeout(20000)});
  const {status} = answer;
  if (!answer.ok && status !== 304 && status !== 503) throw new Error(path + ' answered ' + status);
  const text = await answer.text();
  return {status, etag: answer.headers.get('ETag'), body: text && JSON.parse(text)};
};

const refresh = async () => {
  clearTimeout(timer);
  if (asking || paused) return;
  asking = true;
  try {
    const [images, summary, engine] = await Promise.all(
      [ask('images', etag ? {'If-None-Match': etag} : {}), ask('summary'), ask('engine')]);
    if (!paused) {
      takeWords(summary.body, engine.body);
      if (images.status === 200) {
        takeImages(images.body);
        etag = images.etag;
      }
      if (images.status === 503) {  // not listed yet, or it is another engine now
        etag = '';
        items = [];
        show();
        $('empty').textContent = images.body.error;
      }
      heard = clock();
      wait = EVERY;
      light('live', 'good', 'Live');
    }
  } catch (failure) {
    wait = Math.min(wait * 2, 60000);
    light('live', 'bad', 'Not live');
    trouble(['The exporter does not answer (' + failure.message + ').' + (heard ? ' What stands here is from ' + heard + '.' : '')]);
  }
  asking = false;
  if (!paused && !document.hidden) timer = setTimeout(refresh, wait);
};

const start = () => {
  document.querySelectorAll('.tile').forEach((tile) => {
    const button = el('button', {type: 'button'}, ...tile.childNodes);
    tile.append(button);
    tile.classList.add('live-tile');
    button.addEventListener('click', () => {
      const again = button.getAttribute('aria-pressed') === 'true';
      const [filter, sort] = TILES[again ? 'images' : tile.dataset.tile];
      change({q: '', only: false, show: filter, sort});
    });
  });
  for (const head of heads) {
    const button = el('button', {type: 'button'}, ...head.childNodes);
    head.append(button);
    const key = head.dataset.sort;
    const down = key !== 'name' && key !== 'id';  // numbers: most first
    button.addEventListener('click', () => {
      const sort = view.sort.replace(/^-/, '') === key ? (view.sort === key ? '-' : '') + key : (down ? '-' : '') + key;
      change({sort});
    });
  }
  readUrl();
  $('tools').hidden = $('pause').hidden = false;
  $('q').value = view.q;
  $('only').checked = view.only;
  $('q').addEventListener('input', () => change({q: $('q').value}));
  $('only').addEventListener('change', () => change({only: $('only').checked}));
  $('tools').addEventListener('submit', (event) => event.preventDefault());
  $('all').addEventListener('click', () => { everything = true; show(true); });
  $('pause').addEventListener('click', () => {
    paused = !paused;
    $('pause').textContent = paused ? 'Resume' : 'Pause';
    if (paused) light('live', '', 'Paused at ' + clock());
    else refresh();
  });
  document.addEventListener('visibilitychange', () => { if (document.hidden) clearTimeout(timer); else refresh(); });
  show();
  refresh();
};
start();
}
