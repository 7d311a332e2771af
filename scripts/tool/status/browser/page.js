// The script of the status page. It runs in a browser as it stands here; TypeScript checks its types.
'use strict';
(() => {
  /** @type {import('../page-data.ts').PageData} */
  const data = JSON.parse(one('#data').textContent ?? '');
  const table = /** @type {HTMLTableElement} */ (one('#matrix'));
  const form = /** @type {HTMLFormElement} */ (one('#filters'));
  const dialog = /** @type {HTMLDialogElement} */ (one('#details'));
  const heads = Array.from(table.tHead?.rows[0]?.cells ?? []).slice(1);
  const rows = Array.from(table.tBodies[0]?.rows ?? []);
  const cells = rows.map((row) => Array.from(row.cells).slice(1));
  // Kept apart from the elements: to read 10,000 of them takes longer than to filter them.
  const states = cells.map((row) => row.map((cell) => cell.className));
  const rowTexts = data.rows.map((title) => textAt(title).toLowerCase());
  const columnTexts = data.columns.map((column) => column.map(textAt).join('\n').toLowerCase());
  /** The labels of the timeline, with the classes of its parts. */
  const DURATIONS = { 'From bake to start': 'waited', 'From start to end': 'copied' };
  // As in page-text.ts. What a capturing group finds, split() keeps, at odd places.
  const ID = /\b((?:ami|i|mrk|snap|vol)-[0-9a-f]{8,32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{12})\b/;
  /** The cell that the Tab key comes to, as row and column. */
  let active = { row: 0, column: 0 };
  let waiting = 0;

  for (const element of document.querySelectorAll('.scripted, [name=state]')) element.removeAttribute('hidden');
  one('#column-texts').append(...columnOptions());
  // A grid only now, when its cells can be walked.
  table.setAttribute('role', 'grid');
  table.setAttribute('aria-describedby', 'matrix-help');
  activate(active);

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
  // A browser that goes back to the page may have kept what was in the fields.
  filter();
  arrive(location.hash);

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
    const rowShown = rows.map(() => false);
    const columnShown = heads.map(() => false);
    let left = 0;
    states.forEach((row, rowIndex) => {
      if (!rowFits[rowIndex]) return;
      row.forEach((state, columnIndex) => {
        if (!columnFits[columnIndex] || (chosen.size > 0 && !chosen.has(state))) return;
        rowShown[rowIndex] = true;
        columnShown[columnIndex] = true;
        left += 1;
      });
    });
    rows.forEach((row, index) => {
      row.hidden = !rowShown[index];
    });
    heads.forEach((head, index) => {
      const hidden = !columnShown[index];
      if (head.hidden === hidden) return;
      head.hidden = hidden;
      for (const row of cells) {
        const cell = row[index];
        if (cell) cell.hidden = hidden;
      }
    });
    // The other cells of a row that is left stay, without their colours.
    const others = Array.from(new Set(states.flat())).filter((state) => chosen.size > 0 && !chosen.has(state));
    table.dataset['quiet'] = others.join(' ');
    const all = rows.length * heads.length;
    one('#left').textContent = left === 0 ? `None of ${all} cells` : `${left} of ${all} cells`;
    if (!isShown(active)) activate(firstShown());
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

  /** @param {typeof active} place */
  function activate(place) {
    cellAt(active)?.removeAttribute('tabindex');
    active = place;
    cellAt(active)?.setAttribute('tabindex', '0');
  }

  /**
   * Moves to another cell that is shown, if the key is one for that.
   * @param {typeof active} place
   * @param {string} key
   * @param {boolean} toTheEnd
   */
  function move({ row, column }, key, toTheEnd) {
    const shownRows = rows.flatMap((element, index) => (element.hidden ? [] : [index]));
    const shownColumns = heads.flatMap((element, index) => (element.hidden ? [] : [index]));
    const lastRow = shownRows.length - 1;
    const lastColumn = shownColumns.length - 1;
    let down = shownRows.indexOf(row);
    let across = shownColumns.indexOf(column);
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
      row: shownRows[clamp(down, lastRow)] ?? row,
      column: shownColumns[clamp(across, lastColumn)] ?? column,
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
    const cell = hash !== null && /^#c\d+-\d+$/.test(hash) ? document.getElementById(hash.slice(1)) : null;
    const place = placeOf(cell);
    if (!place) return;
    if (!isShown(place)) {
      form.reset();
      filter();
    }
    activate(place);
    cell?.focus();
  }

  /** @param {typeof active} place */
  function open(place) {
    activate(place);
    const cell = cellAt(place);
    const [account = 0, id = 0, region = 0, ...labels] = data.columns[place.column] ?? [];
    const [waited = 0, copied = 0, ...values] = data.cells[place.row]?.[place.column] ?? [];
    const title = `${textAt(data.rows[place.row] ?? 0)} in ${textAt(account)}, ${textAt(region)}`;
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
    const state = element('p', cell?.firstChild?.textContent ?? '');
    state.className = `mark ${cell?.className ?? ''}`;
    const close = element('button', 'Close');
    close.addEventListener('click', () => {
      dialog.close();
    });
    const timeline = waited + copied > 0 ? [bar(waited, copied), legend(values)] : [];
    dialog.replaceChildren(heading, state, ...timeline, list, close);
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
    const cell = target instanceof Element ? target.closest('tbody td') : null;
    const [, row, column] = /^c(\d+)-(\d+)$/.exec(cell?.id ?? '') ?? [];
    return row === undefined ? undefined : { row: Number(row), column: Number(column) };
  }

  /** @param {typeof active} place */
  function cellAt({ row, column }) {
    return cells[row]?.[column];
  }

  /** @param {typeof active} place */
  function isShown({ row, column }) {
    return rows[row]?.hidden === false && heads[column]?.hidden === false;
  }

  function firstShown() {
    const row = rows.findIndex((element) => !element.hidden);
    const column = heads.findIndex((element) => !element.hidden);
    return { row: Math.max(0, row), column: Math.max(0, column) };
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
