// `-h`, `-v` and `-V`, in nginx's form so that scripts which read it go on working.

import { version } from '../serving.ts';
import { commands } from './commands.ts';

/** `-v` */
export function versionText(): string {
  return `sallyport version: sallyport/${version}`;
}

// What nginx has as compile-time options and is built in here.
const features = ['--with-http_ssl_module', '--with-threads'];

/** `-V` */
export function buildText(): string {
  const { node, openssl } = process.versions;
  return [
    versionText(),
    `built with node ${node}`,
    `built with OpenSSL ${openssl}`,
    'TLS SNI support enabled',
    `configure arguments: ${features.join(' ')}`,
  ].join('\n');
}

/** `-h` */
export function usageText(): string {
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(14)}: ${summary}`);
  return `${versionText()}
Usage: sallyport [-?hvVtTq] [-s signal] [-p prefix]
                 [-e filename] [-c filename] [-g directives] [--foreground]
       sallyport command [arguments]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and built-in features then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  --redact      : as -T, without the secrets that can be told: keys, tokens, passwords
  --deep        : with -t: look at chains, dates, modes of files, names and ports as well, and say
                  how much of a configuration for nginx applies
  --offline     : with --deep: look no name up
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a running sallyport: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: the folder of the configuration file)
  -e filename   : set error log file (default: stderr)
  -c filename   : set configuration file, relative to the prefix if -p is given, otherwise
                  to the working directory (default: /etc/sallyport/sallyport.conf, or
                  /etc/nginx/nginx.conf if that does not exist; with -p sallyport.conf,
                  nginx.conf, conf/sallyport.conf or conf/nginx.conf below the prefix)
  -g directives : set global directives out of configuration file
  --foreground  : do not become a daemon, whatever the configuration says

Commands:
${rows.join('\n')}
`;
}
