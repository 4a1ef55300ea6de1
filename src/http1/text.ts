// Guards for whoever writes a head: what fails them must not reach a socket. A character above
// 0xFF counts as a control character, since latin1 cuts it to its low byte: U+010A becomes LF.

import { nameClasses, targetClasses, TargetClass, valueClasses } from './char-class.ts';

/** Is it a token (RFC 9110 5.6.2): a method or field name? */
export function isToken(text: string): boolean {
  if (text === '') return false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0xff || nameClasses[code] === 0) return false;
  }
  return true;
}

/**
 * May it be sent as a field value or reason phrase? No control character but tab. One character is
 * one byte: text beyond latin1 must be encoded first.
 */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0xff || valueClasses[code] === 0) return false;
  }
  return true;
}

/** May it be sent as a request target? Not empty, no space, no control character. */
export function isRequestTarget(text: string): boolean {
  if (text === '') return false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0xff || targetClasses[code] === TargetClass.end) return false;
  }
  return true;
}

/** Does it hold CR, LF, NUL, any other control character, or one beyond latin1? */
export function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f || code > 0xff) return true;
  }
  return false;
}
