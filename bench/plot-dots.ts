/** A small writer of SVG charts: one band a case, one dot a contender, on a log scale of ms. */

export interface DotRow {
  readonly name: string
  /** `text`: what else is to be told of it. */
  readonly dots: readonly { readonly name: string; readonly ms: number; readonly text: string }[]
  /** Drawn as a line: what was aimed at, ms. */
  readonly goalMs: number
}

export interface DotsOptions {
  readonly title: string
  /** One line below the title: how it was measured. */
  readonly note: string
}

// Told apart by people of every colour vision (Okabe and Ito), and by their shape where there is no colour at all.
const marks = [
  { colour: '#0072B2', shape: (x: number, y: number) => `<circle cx="${x}" cy="${y}" r="5"/>` },
  { colour: '#D55E00', shape: (x: number, y: number) => `<path d="M${x - 5} ${y - 5}h10v10h-10z"/>` },
  { colour: '#007A5A', shape: (x: number, y: number) => `<path d="M${x} ${y - 6}l6 11h-12z"/>` },
  { colour: '#AA4499', shape: (x: number, y: number) => `<path d="M${x} ${y - 6}l6 6l-6 6l-6 -6z"/>` },
  { colour: '#8A6D00', shape: (x: number, y: number) => `<path d="M${x} ${y + 6}l6 -11h-12z"/>` },
] as const

const width = 960
const left = 200
const right = 130
const top = 130
const rowHeight = 92
const lineHeight = 15

/** A whole SVG document. At most five contenders can be told apart. */
export function plotDots(rows: readonly DotRow[], { title, note }: DotsOptions): string {
  const height = top + rows.length * rowHeight + 60
  const all = rows.flatMap(({ dots, goalMs }) => [goalMs, ...dots.map(({ ms }) => ms)])
  const from = Math.log10(Math.min(...all) * 0.8)
  const to = Math.log10(Math.max(...all) * 1.2)
  const x = (ms: number): number => round(left + ((Math.log10(ms) - from) / (to - from)) * (width - left - right))
  const y = (row: number): number => top + row * rowHeight + rowHeight / 2
  const lineOf = (row: number, at: number, of: number): number => y(row) + (at - (of - 1) / 2) * lineHeight
  const names = rows[0]?.dots.map(({ name }) => name) ?? []
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="14" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="20" y="34" font-size="20" font-weight="600">${escaped(title)}</text>`,
    `<text x="20" y="58" fill="#555">${escaped(note)}</text>`,
    ...names.map((name, at) => {
      const { colour, shape } = marks[at % marks.length] ?? marks[0]
      const legendX = 28 + (at % 3) * 300
      const legendY = 82 + Math.floor(at / 3) * 24
      return `<g fill="${colour}">${shape(legendX, legendY)}<text x="${legendX + 14}" y="${legendY + 5}">${escaped(name)}</text></g>`
    }),
    ...ticks(from, to).map(
      (ms) => `<path d="M${x(ms)} ${top}V${height - 50}" stroke="#ddd"/>
<text x="${x(ms)}" y="${height - 32}" text-anchor="middle">${ms}</text>`,
    ),
    ...rows.map(
      ({ name, goalMs }, at) => `<text x="20" y="${y(at) + 5}">${escaped(name)}</text>
<path d="M20 ${y(at) + rowHeight / 2}H${width - 20}" stroke="#ddd"/>
<path d="M${x(goalMs)} ${y(at) - 38}v76" stroke="#222" stroke-width="2" stroke-dasharray="3 2"/>`,
    ),
    ...rows.flatMap(({ dots }, row) =>
      dots.map(({ ms, text }, at) => {
        const { colour, shape } = marks[at % marks.length] ?? marks[0]
        const lineY = lineOf(row, at, dots.length)
        return `<g fill="${colour}">${shape(x(ms), lineY)}<text x="${x(ms) + 11}" y="${lineY + 4}" font-size="12">${escaped(text)}</text></g>`
      }),
    ),
    `<text x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle" fill="#555">ms, median; dashed: the goal</text>`,
    '</svg>\n',
  ].join('\n')
}

function ticks(from: number, to: number): number[] {
  const found: number[] = []
  for (let decade = Math.floor(from); decade <= to; decade++) {
    for (const step of [1, 2, 5]) found.push(Number((step * 10 ** decade).toPrecision(1)))
  }
  return found.filter((ms) => Math.log10(ms) >= from && Math.log10(ms) <= to)
}

const round = (value: number): number => Math.round(value * 10) / 10
const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] ?? '')
