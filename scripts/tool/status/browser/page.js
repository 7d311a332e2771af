// The script of the status page. It runs in a browser as it stands here; TypeScript checks its types.
'use strict';
(() => {
  /** @type {import('../page-data.ts').PageData} */
  const data = JSON.parse(one('#data').textContent ?? '');
  const table = /** @type {HTMLTableElement} */ (one('#matrix'));
  const form = /** @type {HTMLFormElement} */ (one('#filters'));
  const dialog = /** @type {HTMLDialogElement} */ (one('#details'));
  const scroller = /** @type {HTMLElement} */ (table.parentElement);
  const corner = /** @type {HTMLElement} */ (one('#matrix .corner'));
  const printed = one('.printed');
  const heads = Array.from(table.tHead?.rows[0]?.cells ?? []).slice(1);
  const rows = Array.from(table.tBodies[0]?.rows ?? []);
  /** Whether the cells were too many to be written into the page: then those in view alone are in the document. */
  const isPartial = table.classList.contains('partial');
  /** Of each row the cells that are in the document, by their columns. */
  const cells = rows.map((row) => new Map(Array.from(row.cells).slice(1).entries()));
  const allRows = Array.from(rows.keys());
  const allColumns = Array.from(heads.keys());
  const classes = data.states.map((state) => state.replace(' ', '-'));
  const rowTexts = data.rows.map((row) => row.map(textAt).join('\n').toLowerCase());
  const columnTexts = data.columns.map((column) => column.map(textAt).join('\n').toLowerCase());
  /** So many rows and columns are ready on each side of those in view, for who scrolls faster than a frame is drawn. */
  const SPARE = 6;
  /** So many columns are as wide as a sheet of paper. */
  const PRINTED_COLUMNS = 8;
  /** A cell has its state, its note and two times before its other texts. */
  const FIRST_DETAIL = 4;
  /** The labels of the timeline, with the classes of its parts. */
  const DURATIONS = { 'From bake to start': 'waited', 'From start to end': 'copied' };
  // As in page-text.ts. What a capturing group finds, split() keeps, at odd places.
  const ID = /\b((?:ami|i|mrk|snap|vol)-[0-9a-f]{8,32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{12})\b/;
  /** The cell that the Tab key comes to, as row and column. */
  let active = { row: 0, column: 0 };
  let waiting = 0;
  /** What the filters leave. */
  let shown = { rows: allRows, columns: allColumns };
  /** What is in the document of it. */
  let drawn = isPartial ? { rows: /** @type {number[]} */ ([]), columns: /** @type {number[]} */ ([]) } : shown;
  /** What the cells in the document were filtered by. */
  let filteredBy = '';
  /** @type {(row: number, column: number) => boolean} */
  let detailFits = () => true;
  let lowerTexts = /** @type {string[]} */ ([]);

  for (const element of document.querySelectorAll('.scripted, [name=state]')) element.removeAttribute('hidden');
  one('#column-texts').append(...columnOptions());
  // A grid only now, when its cells can be walked.
  table.setAttribute('role', 'grid');
  table.setAttribute('aria-describedby', 'matrix-help');
  if (isPartial) {
    one('#unscripted').remove();
    nameParts();
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
  });
  form.addEventListener('input', filterSoon);
  // The fields have their old values until the event is over.
  form.addEventListener('reset', filterSoon);
  table.addEventListener('click', (event) => {
    const place = placeOf(event.target);
    if (place) open(place);
  });
  table.addEventListener('keydown', (event) => {
    const place = placeOf(event.target);
    if (!place || event.altKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') open(place);
    else if (!move(place, event.key, event.ctrlKey)) return;
    event.preventDefault();
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
    if (link) arrive(link.getAttribute('href'));
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('close', () => cellAt(active)?.focus());
  // A link that was followed before leads to a cell that may have left the document since.
  window.addEventListener('hashchange', () => {
    arrive(location.hash);
  });
  window.addEventListener('beforeprint', layOutForPaper);
  window.addEventListener('afterprint', () => {
    printed.replaceChildren();
  });
  new ResizeObserver(keepClear).observe(corner);
  if (isPartial) {
    scroller.addEventListener('scroll', draw, { passive: true });
    new ResizeObserver(draw).observe(scroller);
  }
  // A browser that goes back to the page may have kept what was in the fields.
  filter();
  activate(active);
  keepClear();
  arrive(location.hash);

  /** A cell that takes the focus is not to be below the names of rows and columns. */
  function keepClear() {
    scroller.style.scrollPadding = `${corner.offsetHeight + 2}px 1rem 1rem ${corner.offsetWidth + 2}px`;
  }

  /** The parts of a table have no roles of their own where they are not laid out as one, and most cells are not there to be counted. */
  function nameParts() {
    for (const part of [table.tHead, ...table.tBodies]) part?.setAttribute('role', 'rowgroup');
    for (const row of table.rows) {
      row.setAttribute('role', 'row');
      row.cells[0]?.setAttribute('aria-colindex', '1');
    }
    table.tHead?.rows[0]?.setAttribute('aria-rowindex', '1');
    corner.setAttribute('role', 'gridcell');
    for (const head of heads) head.setAttribute('role', 'columnheader');
    for (const row of rows) row.cells[0]?.setAttribute('role', 'rowheader');
    // The browser's own search finds the names of all rows and columns, but who reads the grid would meet names without cells.
    for (const part of [...heads, ...rows]) part.setAttribute('aria-hidden', 'true');
  }

  /** Once for a word, not for each letter: to lay out 10,000 cells takes part of a second, and the count is read out. */
  function filterSoon() {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 150);
  }

  function filter() {
    clearTimeout(waiting);
    const fields = new FormData(form);
    const chosen = new Set(fields.getAll('state').map(String));
    const rowFits = fitting(rowTexts, String(fields.get('row')));
    const columnFits = fitting(columnTexts, String(fields.get('column')));
    const isQuiet = classes.map((name) => chosen.size > 0 && !chosen.has(name));
    detailFits = fittingDetails(String(fields.get('detail')));
    const rowShown = rows.map(() => false);
    const columnShown = heads.map(() => false);
    let left = 0;
    data.cells.forEach((row, rowIndex) => {
      if (!rowFits[rowIndex]) return;
      row.forEach(([state = 0], columnIndex) => {
        if (!columnFits[columnIndex] || isQuiet[state] || !detailFits(rowIndex, columnIndex)) return;
        rowShown[rowIndex] = true;
        columnShown[columnIndex] = true;
        left += 1;
      });
    });
    shown = {
      rows: allRows.filter((index) => rowShown[index]),
      columns: allColumns.filter((index) => columnShown[index]),
    };
    rows.forEach((row, index) => {
      row.hidden = !rowShown[index];
    });
    heads.forEach((head, index) => {
      head.hidden = !columnShown[index];
    });
    // The other cells of a row that is left stay, without their colours.
    table.dataset['quiet'] = classes.filter((_, index) => isQuiet[index]).join(' ');
    const all = rows.length * heads.length;
    one('#left').textContent = left === 0 ? `None of ${all} cells` : `${left} of ${all} cells`;
    if (isPartial) count();
    const filters = Array.from(fields, ([name, value]) => (value === '' ? '' : `${name}=${String(value)}\n`)).join('');
    if (filters !== filteredBy) clear();
    filteredBy = filters;
    if (isShown(active)) draw();
    else activate(firstShown());
  }

  /**
   * Which texts hold every word that was typed.
   * @param {string[]} texts
   * @param {string} typed
   */
  function fitting(texts, typed) {
    const words = typed.toLowerCase().split(/\s+/);
    return texts.map((text) => words.every((word) => text.includes(word)));
  }

  /**
   * Tells of a cell whether each word that was typed is in one of its details.
   * @param {string} typed
   */
  function fittingDetails(typed) {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return () => true;
    if (lowerTexts.length === 0) lowerTexts = data.texts.map((text) => text.toLowerCase());
    const found = words.map((word) => lowerTexts.map((text) => text.includes(word)));
    return (/** @type {number} */ row, /** @type {number} */ column) => {
      const details = (data.cells[row]?.[column] ?? []).slice(FIRST_DETAIL);
      return found.every((isIn) => details.some((text) => isIn[text]));
    };
  }

  /** Says where each row and column that is left stands among them, and how many there are. */
  function count() {
    table.setAttribute('aria-rowcount', String(shown.rows.length + 1));
    table.setAttribute('aria-colcount', String(shown.columns.length + 1));
    table.style.setProperty('--columns', String(shown.columns.length));
    shown.rows.forEach((row, place) => rows[row]?.setAttribute('aria-rowindex', String(place + 2)));
    shown.columns.forEach((column, place) => heads[column]?.setAttribute('aria-colindex', String(place + 2)));
  }

  /** Takes all cells away. */
  function clear() {
    redraw({ rows: [], columns: [] });
  }

  /** Has what is in view in the document, and nothing else, but where the Tab key comes to and what has the focus. */
  function draw() {
    if (!isPartial) {
      redraw(shown);
      return;
    }
    const focus = placeOf(document.activeElement) ?? active;
    const top = scroller.scrollTop;
    const headWidth = corner.offsetWidth;
    const width = (table.offsetWidth - headWidth) / Math.max(1, shown.columns.length);
    const left = scroller.scrollLeft;
    redraw({
      rows: around(shown.rows, rowEndingBelow(top + corner.offsetHeight), rowEndingBelow(top + scroller.clientHeight), [
        active.row,
        focus.row,
      ]),
      columns: around(
        shown.columns,
        Math.floor(left / width),
        Math.floor((left + scroller.clientWidth - headWidth) / width),
        [active.column, focus.column],
      ),
    });
  }

  /**
   * What is between two places, with some to spare, and what is kept in any case.
   * @param {number[]} all
   * @param {number} first
   * @param {number} last
   * @param {number[]} kept
   */
  function around(all, first, last, kept) {
    const some = new Set(all.slice(Math.max(0, first - SPARE), last + SPARE + 1));
    for (const index of kept) if (all.includes(index)) some.add(index);
    return Array.from(some).sort((a, b) => a - b);
  }

  /**
   * The place of the first row that ends below a height in the table.
   * @param {number} height
   */
  function rowEndingBelow(height) {
    let [low, high] = [0, shown.rows.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = rows[shown.rows[middle] ?? 0];
      if (row && row.offsetTop + row.offsetHeight > height) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** @param {typeof drawn} next */
  function redraw(next) {
    if (String(next.rows) === String(drawn.rows) && String(next.columns) === String(drawn.columns)) return;
    if (isPartial) {
      swap(heads, drawn.columns, next.columns);
      swap(rows, drawn.rows, next.rows);
    }
    const wanted = new Set(next.rows);
    for (const row of drawn.rows) if (!wanted.has(row)) fill(row, []);
    for (const row of next.rows) fill(row, next.columns);
    drawn = next;
  }

  /**
   * Hides what is not in view any more from who reads the grid, and shows what is.
   * @param {Element[]} parts
   * @param {number[]} before
   * @param {number[]} now
   */
  function swap(parts, before, now) {
    const wanted = new Set(now);
    for (const index of before) if (!wanted.has(index)) parts[index]?.setAttribute('aria-hidden', 'true');
    for (const index of now) parts[index]?.removeAttribute('aria-hidden');
  }

  /**
   * @param {number} row
   * @param {number[]} columns
   */
  function fill(row, columns) {
    const there = cells[row];
    let before = rows[row]?.cells[0];
    if (!there || !before) return;
    const wanted = new Set(columns);
    for (const [column, cell] of there) {
      if (wanted.has(column)) continue;
      cell.remove();
      there.delete(column);
    }
    for (const column of columns) {
      const cell = there.get(column) ?? placedCell({ row, column });
      there.set(column, cell);
      if (before.nextSibling !== cell) before.after(cell);
      before = cell;
    }
  }

  /** @param {typeof active} place */
  function placedCell(place) {
    const cell = newCell(place);
    cell.id = `c${place.row}-${place.column}`;
    if (place.row === active.row && place.column === active.column) cell.tabIndex = 0;
    if (!isPartial) return cell;
    cell.setAttribute('role', 'gridcell');
    cell.setAttribute('aria-colindex', heads[place.column]?.getAttribute('aria-colindex') ?? '');
    cell.style.left = `calc(var(--head) + ${Number(cell.ariaColIndex) - 2} * var(--column))`;
    return cell;
  }

  /** @param {typeof active} place */
  function newCell({ row, column }) {
    const [state = 0, note = 0] = data.cells[row]?.[column] ?? [];
    const cell = /** @type {HTMLTableCellElement} */ (element('td', data.states[state]));
    cell.className = classes[state] ?? '';
    if (note !== 0) cell.append(element('small', textAt(note)));
    if (!detailFits(row, column)) cell.dataset['quiet'] = '';
    return cell;
  }

  /** All cells that the filters leave, as tables beside which the names of their rows stand, each as wide as a sheet. */
  function layOutForPaper() {
    const parts = [];
    for (let start = 0; start < shown.columns.length; start += PRINTED_COLUMNS) {
      const columns = shown.columns.slice(start, start + PRINTED_COLUMNS);
      const part = document.createElement('table');
      part.className = 'matrix';
      part.dataset['quiet'] = table.dataset['quiet'];
      const head = part.createTHead().insertRow();
      head.append(element('td'), ...columns.map((column) => plainCopy(heads[column])));
      const body = part.createTBody();
      for (const row of shown.rows) {
        body.insertRow().append(plainCopy(rows[row]?.cells[0]), ...columns.map((column) => newCell({ row, column })));
      }
      parts.push(part);
    }
    printed.replaceChildren(...parts);
  }

  /**
   * The same as it would be in a table that is all there.
   * @param {Element | undefined} head
   */
  function plainCopy(head) {
    const copy = /** @type {Element} */ ((head ?? corner).cloneNode(true));
    for (const name of ['role', 'aria-hidden', 'aria-colindex']) copy.removeAttribute(name);
    return copy;
  }

  /** @param {typeof active} place */
  function activate(place) {
    cellAt(active)?.removeAttribute('tabindex');
    active = place;
    draw();
    cellAt(active)?.setAttribute('tabindex', '0');
  }

  /**
   * Moves to another cell that is shown, if the key is one for that.
   * @param {typeof active} place
   * @param {string} key
   * @param {boolean} toTheEnd
   */
  function move({ row, column }, key, toTheEnd) {
    const lastRow = shown.rows.length - 1;
    const lastColumn = shown.columns.length - 1;
    let down = shown.rows.indexOf(row);
    let across = shown.columns.indexOf(column);
    if (key === 'ArrowUp') down -= 1;
    else if (key === 'ArrowDown') down += 1;
    else if (key === 'PageUp') down -= 10;
    else if (key === 'PageDown') down += 10;
    else if (key === 'ArrowLeft') across -= 1;
    else if (key === 'ArrowRight') across += 1;
    else if (key === 'Home') [down, across] = [toTheEnd ? 0 : down, 0];
    else if (key === 'End') [down, across] = [toTheEnd ? lastRow : down, lastColumn];
    else return false;
    const next = {
      row: shown.rows[clamp(down, lastRow)] ?? row,
      column: shown.columns[clamp(across, lastColumn)] ?? column,
    };
    activate(next);
    cellAt(next)?.focus();
    return true;
  }

  /**
   * Goes to the cell that a link names, and shows all cells first if it is not among those that are left.
   * @param {string | null} hash
   */
  function arrive(hash) {
    const place = placeIn(hash?.slice(1));
    if (!place || place.row >= rows.length || place.column >= heads.length) return;
    if (!isShown(place)) {
      form.reset();
      filter();
    }
    activate(place);
    cellAt(place)?.focus();
  }

  /** @param {typeof active} place */
  function open(place) {
    activate(place);
    const [account = 0, id = 0, region = 0, ...labels] = data.columns[place.column] ?? [];
    const [state = 0, , waited = 0, copied = 0, ...values] = data.cells[place.row]?.[place.column] ?? [];
    const title = `${textAt(data.rows[place.row]?.[0] ?? 0)} in ${textAt(account)}, ${textAt(region)}`;
    const list = element('dl');
    const add = (/** @type {string} */ name, /** @type {string} */ value) => {
      if (value !== '') list.append(element('dt', name), described(value));
    };
    add('Account', textAt(id));
    add('Labels', labels.map(textAt).join(', '));
    values.forEach((value, index) => {
      const label = data.labels[index] ?? '';
      if (!(label in DURATIONS)) add(label, textAt(value));
    });
    const heading = element('h2', title);
    heading.id = 'details-title';
    const word = element('p', data.states[state]);
    word.className = `mark ${classes[state] ?? ''}`;
    const close = element('button', 'Close');
    close.addEventListener('click', () => {
      dialog.close();
    });
    const timeline = waited + copied > 0 ? [bar(waited, copied), legend(values)] : [];
    dialog.replaceChildren(heading, word, ...timeline, list, close);
    dialog.showModal();
  }

  /**
   * The two durations of a copy, drawn to scale. The legend below says the same in words.
   * @param {number} waited
   * @param {number} copied
   */
  function bar(waited, copied) {
    const svg = svgElement('svg', {
      class: 'bar',
      viewBox: '0 0 100 10',
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    });
    const first = (100 * waited) / (waited + copied);
    svg.append(
      svgElement('rect', { class: 'waited', width: String(first), height: '10' }),
      svgElement('rect', { class: 'copied', x: String(first), width: String(100 - first), height: '10' }),
    );
    return svg;
  }

  /** @param {number[]} values */
  function legend(values) {
    const paragraph = element('p');
    paragraph.className = 'legend';
    for (const [label, name] of Object.entries(DURATIONS)) {
      const text = textAt(values[data.labels.indexOf(label)] ?? 0);
      const part = element('span', `${label}: ${text || 'not known'}`);
      part.className = name;
      paragraph.append(part, ' ');
    }
    return paragraph;
  }

  /** Labels and Regions, to choose from. */
  function columnOptions() {
    const texts = new Set(data.columns.flatMap((column) => column.slice(2)).map(textAt));
    return Array.from(texts, (text) => {
      const option = document.createElement('option');
      option.value = text;
      return option;
    });
  }

  /** @param {EventTarget | null} target */
  function placeOf(target) {
    return placeIn(target instanceof Element ? target.closest('tbody td')?.id : undefined);
  }

  /**
   * The place that the id of a cell names.
   * @param {string | undefined} id
   */
  function placeIn(id) {
    const [, row, column] = /^c(\d+)-(\d+)$/.exec(id ?? '') ?? [];
    return row === undefined ? undefined : { row: Number(row), column: Number(column) };
  }

  /** @param {typeof active} place */
  function cellAt({ row, column }) {
    return cells[row]?.get(column);
  }

  /** @param {typeof active} place */
  function isShown({ row, column }) {
    return rows[row]?.hidden === false && heads[column]?.hidden === false;
  }

  function firstShown() {
    return { row: shown.rows[0] ?? 0, column: shown.columns[0] ?? 0 };
  }

  /** @param {number} index */
  function textAt(index) {
    return data.texts[index] ?? '';
  }

  /**
   * @param {number} index
   * @param {number} last
   */
  function clamp(index, last) {
    return Math.min(Math.max(index, 0), last);
  }

  /** @param {string} selector */
  function one(selector) {
    const element = document.querySelector(selector);
    if (!element) throw new Error(`The page has no ${selector}`);
    return element;
  }

  /**
   * An element with text in it, which is never read as HTML.
   * @param {string} name
   * @param {string} text
   */
  function element(name, text = '') {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  /**
   * A value, with each id in it in an element of its own, which no line breaks.
   * @param {string} value
   */
  function described(value) {
    const made = element('dd');
    value.split(ID).forEach((part, index) => {
      const isId = index % 2 === 1;
      if (isId) made.append(Object.assign(element('span', part), { className: 'id' }));
      else made.append(part);
    });
    return made;
  }

  /**
   * @param {string} name
   * @param {Record<string, string>} attributes
   */
  function svgElement(name, attributes) {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    return made;
  }
})();
