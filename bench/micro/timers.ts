// What the timeouts of connections cost, beside Node's own timers.
//
//   npm run bench -- micro timers

import { CoarseTimer } from '../../src/base/coarse-timer.ts';
import { measure } from './measure.ts';

let fired = 1;
const fire = (): void => {
  fired += 1;
};
const timer = new CoarseTimer(fire);
const others = Array.from({ length: 10_000 }, () => new CoarseTimer(fire));
for (const other of others) other.arm(60_000);

measure('arm and rest, as each request does', () => {
  timer.arm(60_000);
  timer.rest();
  return fired;
});
measure('arm anew for another time', () => {
  timer.arm(60_000);
  timer.arm(75_000);
  timer.rest();
  return fired;
});
measure('arm and disarm, as a connection does at its end', () => {
  timer.arm(60_000);
  timer.disarm();
  return fired;
});
let next = 0;
measure('arm one of 10,000', () => {
  next = (next + 1) % others.length;
  others[next]?.arm(60_000);
  return fired;
});
measure('beside them: setTimeout and clearTimeout', () => {
  clearTimeout(setTimeout(fire, 60_000));
  return fired;
});
const own = setTimeout(fire, 60_000);
measure('beside them: refresh of a timeout', () => {
  own.refresh();
  return fired;
});
clearTimeout(own);
for (const other of others) other.disarm();
