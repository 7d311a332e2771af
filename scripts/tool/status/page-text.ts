import { spellOutHidden } from '../../../lambda/src/core/hidden-characters.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const UNITS = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3600 },
  { name: 'min', seconds: 60 },
  { name: 's', seconds: 1 },
] as const;

/** Text for HTML, in an element or in a quoted attribute, with what is hidden in it spelled out. */
export function escapeHtml(text: string): string {
  return spellOutHidden(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

// Images, instances, keys, snapshots, volumes and accounts. page.js has the same.
const ID = /\b(?:(?:ami|i|mrk|snap|vol)-[0-9a-f]{8,32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{12})\b/g;

/** The same, with each id in an element of its own, which no line breaks. */
export function escapeWithIds(text: string): string {
  return escapeHtml(text).replace(ID, '<span class="id">$&</span>');
}

/** JSON that can stand in a `<script>`: nothing in it ends the element or begins a comment of HTML. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

/** A time in UTC as `2026-11-23 22:10:04`; a text that is no time stays as it is. */
export function formatTime(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

/** Seconds between two times, or undefined if one is no time, is missing, or is not in its order. */
export function secondsBetween(from: string | undefined, to: string | undefined): number | undefined {
  const seconds = Math.round((Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000);
  return seconds >= 0 ? seconds : undefined;
}

/** A duration in its largest unit and the next: `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  const largest = UNITS.findIndex((unit) => seconds >= unit.seconds);
  if (largest < 0) return '0 s';
  let rest = seconds;
  const parts = UNITS.slice(largest, largest + 2).flatMap((unit) => {
    const count = Math.floor(rest / unit.seconds);
    rest -= count * unit.seconds;
    return count > 0 ? [`${count} ${unit.name}`] : [];
  });
  return parts.join(' ');
}

/** A duration in its largest unit alone, for where there is little room: `2 h`. */
export function formatShortDuration(seconds: number): string {
  const unit = UNITS.find((candidate) => seconds >= candidate.seconds) ?? UNITS[3];
  return `${Math.floor(seconds / unit.seconds)} ${unit.name}`;
}
