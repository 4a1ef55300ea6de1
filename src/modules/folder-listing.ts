// The text of a folder's listing in each of its formats, byte for byte as nginx writes it. Names are
// one character per byte.

import { jsonEscape, percentEscape } from '../base/character-escape.ts';

/** `autoindex_format` */
export type ListingFormat = 'html' | 'xml' | 'json' | 'jsonp';

/** One thing in a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: 'directory' | 'file' | 'other';
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

/** How it is written. */
export interface ListingOptions {
  readonly format: ListingFormat;
  /** Path of the folder, for the title. */
  readonly uri: string;
  /** Name of the function, for jsonp. */
  readonly callback: string;
  readonly exactSize: boolean;
  readonly localTime: boolean;
}

export function folderListing(entries: readonly FolderEntry[], options: ListingOptions): string {
  switch (options.format) {
    case 'html':
      return htmlListing(entries, options);
    case 'xml':
      return xmlListing(entries);
    case 'json':
      return jsonListing(entries);
    case 'jsonp':
      return `/* callback */\r\n${options.callback}(${jsonListing(entries)});`;
  }
}

const nameWidth = 50;

function htmlListing(entries: readonly FolderEntry[], options: ListingOptions): string {
  const title = escapeHtml(options.uri);
  const head =
    `<html>\r\n<head><title>Index of ${title}</title></head>\r\n<body>\r\n` +
    `<h1>Index of ${title}</h1><hr><pre><a href="../">../</a>\r\n`;
  const lines = entries.map((entry) => htmlLine(entry, options));
  return `${head}${lines.join('')}</pre><hr></body>\r\n</html>\r\n`;
}

function htmlLine(entry: FolderEntry, { exactSize, localTime }: ListingOptions): string {
  const slash = entry.kind === 'directory' ? '/' : '';
  const { name } = entry;
  const tooLong = name.length > nameWidth;
  const shown = tooLong
    ? `${escapeHtml(name.slice(0, nameWidth - 3))}..&gt;`
    : escapeHtml(name) + slash;
  // A folder whose name fills the whole width has no room for its slash.
  const text = !tooLong && name.length === nameWidth ? escapeHtml(name) : shown;
  const width = tooLong ? nameWidth : Math.min(nameWidth, name.length + slash.length);
  const padding = ' '.repeat(nameWidth - width + 1);
  const size = sizeText(entry, exactSize);
  return `<a href="${escapeComponent(name)}${slash}">${text}</a>${padding}${dateText(entry.modified, localTime)} ${size}\r\n`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function dateText(ms: number, local: boolean): string {
  const date = new Date(ms);
  const [day, month, year, hour, minute] = local
    ? [date.getDate(), date.getMonth(), date.getFullYear(), date.getHours(), date.getMinutes()]
    : [
        date.getUTCDate(),
        date.getUTCMonth(),
        date.getUTCFullYear(),
        date.getUTCHours(),
        date.getUTCMinutes(),
      ];
  return `${two(day)}-${months[month] ?? ''}-${year} ${two(hour)}:${two(minute)}`;
}

function sizeText({ kind, size }: FolderEntry, exact: boolean): string {
  if (exact) return (kind === 'directory' ? '-' : String(size)).padStart(19);
  if (kind === 'directory') return '-'.padStart(7);
  const unit = units.find(({ above }) => size > above);
  if (unit === undefined) return ` ${String(size).padStart(6)}`;
  const { bytes, letter } = unit;
  const rounded = Math.floor(size / bytes) + (size % bytes > bytes / 2 - 1 ? 1 : 0);
  return String(rounded).padStart(6) + letter;
}

const units = [
  { above: 1_073_741_823, bytes: 1_073_741_824, letter: 'G' },
  { above: 1_048_575, bytes: 1_048_576, letter: 'M' },
  { above: 9_999, bytes: 1_024, letter: 'K' },
] as const;

function jsonListing(entries: readonly FolderEntry[]): string {
  const lines = entries.map(({ name, kind, size, modified }) => {
    const time = new Date(modified).toUTCString();
    const length = kind === 'file' ? `, "size":${size}` : '';
    return `{ "name":"${escapeJson(name)}", "type":"${kind}", "mtime":"${time}"${length} }`;
  });
  return `[\r\n${lines.join(',\r\n')}\r\n]`;
}

function xmlListing(entries: readonly FolderEntry[]): string {
  const lines = entries.map(({ name, kind, size, modified }) => {
    const time = `${new Date(modified).toISOString().slice(0, 19)}Z`;
    const length = kind === 'file' ? ` size="${size}"` : '';
    return `<${kind} mtime="${time}"${length}>${escapeHtml(name)}</${kind}>\r\n`;
  });
  return `<?xml version="1.0"?>\r\n<list>\r\n${lines.join('')}</list>\r\n`;
}

const htmlCharacters: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** For text and attributes; `'` stays, as in nginx, which quotes attributes with `"`. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => htmlCharacters[char] ?? char);
}

function escapeComponent(text: string): string {
  return text.replace(/[^A-Za-z0-9._~-]/g, percentEscape);
}

function escapeJson(text: string): string {
  return text.replace(/["\\\x00-\x1f]/g, jsonEscape);
}
