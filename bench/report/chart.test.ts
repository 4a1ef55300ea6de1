import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawChart } from './chart.ts';

const chart = {
  title: 'Small <answers>',
  unit: 'µs & more',
  groups: [
    {
      title: 'plain',
      bars: [
        { label: 'nginx', value: 10, isOwn: false },
        { label: 'sallyport', value: 5, isOwn: true },
      ],
    },
    { title: 'TLS', bars: [{ label: 'caddy', value: 1000, isOwn: false }] },
  ],
};

function widthsOf(svg: string): number[] {
  return [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map((found) => Number(found[1]));
}

test('a bar is as long as its value within its group', () => {
  const [nginx = 0, own = 0, caddy = 0] = widthsOf(drawChart(chart));
  assert.ok(Math.abs(own / nginx - 0.5) < 0.01);
  assert.equal(caddy, nginx);
});

test('numbers stand beside the bars, and the own one has a colour of its own', () => {
  const svg = drawChart(chart);
  assert.match(svg, />1000</);
  assert.equal(svg.match(/class="own"/g)?.length, 1);
});

test('words are escaped, and both themes have colours', () => {
  const svg = drawChart(chart);
  assert.match(svg, /Small &lt;answers>/);
  assert.match(svg, /µs &amp; more/);
  assert.match(svg, /prefers-color-scheme:dark/);
});

test('nothing lies outside the picture', () => {
  const svg = drawChart(chart);
  const height = Number(/ height="(\d+)"/.exec(svg)?.[1]);
  const lowest = Math.max(...[...svg.matchAll(/ y="(\d+)"/g)].map((found) => Number(found[1])));
  assert.ok(lowest < height);
});
