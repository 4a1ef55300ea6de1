import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locateConfiguration, type ConfigurationOptions } from './options.ts';

interface Row {
  readonly title: string;
  readonly options: ConfigurationOptions;
  readonly existing?: readonly string[];
  readonly file: string;
  readonly prefix: string;
}

const rows: readonly Row[] = [
  {
    title: 'a relative file belongs to the working directory, its folder is the prefix',
    options: { file: 'conf/a.conf' },
    file: '/srv/conf/a.conf',
    prefix: '/srv/conf/',
  },
  {
    title: 'with a prefix a relative file belongs to it',
    options: { file: 'a.conf', prefix: '/srv/p' },
    file: '/srv/p/a.conf',
    prefix: '/srv/p/',
  },
  {
    title: 'a relative prefix belongs to the working directory',
    options: { file: '/etc/a.conf', prefix: 'p/' },
    file: '/etc/a.conf',
    prefix: '/srv/p/',
  },
  {
    title: "the system's own configuration comes first",
    options: {},
    existing: ['/etc/sallyport/sallyport.conf', '/etc/nginx/nginx.conf'],
    file: '/etc/sallyport/sallyport.conf',
    prefix: '/etc/sallyport/',
  },
  {
    title: "nginx's configuration comes second",
    options: {},
    existing: ['/etc/nginx/nginx.conf'],
    file: '/etc/nginx/nginx.conf',
    prefix: '/etc/nginx/',
  },
  {
    title: 'below a prefix the usual names are tried',
    options: { prefix: '/p' },
    existing: ['/p/conf/nginx.conf'],
    file: '/p/conf/nginx.conf',
    prefix: '/p/',
  },
  {
    title: 'where nothing exists the first name is the one that is missing',
    options: {},
    file: '/etc/sallyport/sallyport.conf',
    prefix: '/etc/sallyport/',
  },
  {
    title: 'a text without a file stands in the working directory',
    options: { text: 'events {}' },
    file: '/srv/sallyport.conf',
    prefix: '/srv/',
  },
];

for (const row of rows) {
  test(row.title, () => {
    const exists = (path: string): boolean => row.existing?.includes(path) ?? false;
    const place = locateConfiguration(row.options, { cwd: '/srv', exists });
    assert.deepEqual(place, { file: row.file, prefix: row.prefix });
  });
}
