/** A small writer of SVG charts: latency by percentile, both on log scales, so that the tail is as wide as the rest. */

export interface Curve {
  readonly name: string
  /** Ascending, ms. */
  readonly sorted: Float64Array
}

export interface PlotOptions {
  readonly title: string
  /** One line below the title: how it was measured. */
  readonly note: string
}

// Told apart by people of every colour vision (Okabe and Ito), and by their dashes where there is no colour at all.
const strokes = [
  { colour: '#0072B2', dash: '' },
  { colour: '#D55E00', dash: '8 3' },
  { colour: '#007A5A', dash: '2 3' },
  { colour: '#AA4499', dash: '10 3 2 3' },
  { colour: '#8A6D00', dash: '5 2' },
  { colour: '#444444', dash: '1 2' },
] as const

const width = 960
const height = 540
const box = { left: 70, right: 260, top: 84, bottom: 60 }
const marks = [50, 90, 99, 99.9, 99.99] as const
/** How far the scale reaches: beyond it single answers are seen, not a distribution. */
const lastNines = 4

/** The value below which this share of the samples lies; of none it is NaN. */
export function percentile(sorted: Float64Array, share: number): number {
  const at = Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))
  return sorted[at] ?? Number.NaN
}

/** A whole SVG document. At most six curves can be told apart; more repeat the first ones' strokes. */
export function plotPercentiles(curves: readonly Curve[], { title, note }: PlotOptions): string {
  const shown = curves.filter(({ sorted }) => sorted.length > 0)
  // The few fastest would take half of the picture.
  const lowest = Math.min(...shown.map(({ sorted }) => percentile(sorted, 0.05)))
  const highest = Math.max(...shown.map(({ sorted }) => percentile(sorted, reach(sorted))))
  const y = logScale(Math.max(0.01, lowest), Math.max(0.1, highest))
  const names = spread(shown.map((curve) => y.at(percentile(curve.sorted, reach(curve.sorted)))))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="14" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${box.left}" y="34" font-size="20" font-weight="600">${escaped(title)}</text>`,
    `<text x="${box.left}" y="58" fill="#555">${escaped(note)}</text>`,
    ...y.ticks.map(
      (ms) => `<path d="M${box.left} ${round(y.at(ms))}H${width - box.right}" stroke="#ddd"/>
<text x="${box.left - 8}" y="${round(y.at(ms) + 5)}" text-anchor="end">${ms}</text>`,
    ),
    ...marks.map(
      (mark) => `<path d="M${round(x(mark / 100))} ${box.top}V${height - box.bottom}" stroke="#ddd"/>
<text x="${round(x(mark / 100))}" y="${height - box.bottom + 22}" text-anchor="middle">${mark} %</text>`,
    ),
    `<text x="${box.left - 8}" y="${box.top - 8}" text-anchor="end" fill="#555">ms</text>`,
    `<text x="${(box.left + width - box.right) / 2}" y="${height - 12}" text-anchor="middle" fill="#555">this share of requests was answered within</text>`,
    ...shown.map((curve, index) => line(curve, index, y.at, names[index] ?? 0)),
    '</svg>\n',
  ].join('\n')
}

function line({ name, sorted }: Curve, index: number, y: (ms: number) => number, nameAt: number): string {
  const { colour, dash } = strokes[index % strokes.length] ?? strokes[0]
  const last = reach(sorted)
  const steps = 240
  const points = Array.from({ length: steps + 1 }, (_, step) => {
    const share = Math.min(last, 1 - 10 ** (-(step / steps) * nines(last)))
    return `${round(x(share))} ${round(y(percentile(sorted, share)))}`
  })
  const end = { x: x(last), y: y(percentile(sorted, last)) }
  return `<path d="M${points.join('L')}" fill="none" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash}" stroke-linejoin="round"/>
<path d="M${round(end.x + 3)} ${round(end.y)}L${width - box.right + 18} ${round(nameAt)}" fill="none" stroke="${colour}" stroke-opacity="0.5"/>
<text x="${width - box.right + 24}" y="${round(nameAt + 5)}" fill="${colour}" font-weight="600">${escaped(name)}</text>`
}

/** The greatest share that this many samples can speak about. */
const reach = (sorted: Float64Array): number => Math.min(1 - 10 ** -lastNines, 1 - 1 / Math.max(2, sorted.length))
const nines = (share: number): number => -Math.log10(1 - share)
const x = (share: number): number => box.left + (nines(share) / lastNines) * (width - box.left - box.right)

function logScale(lowest: number, highest: number) {
  const from = Math.log10(lowest * 0.9)
  const to = Math.log10(highest * 1.1)
  const at = (ms: number): number => {
    const share = (Math.log10(Math.max(ms, lowest * 0.9)) - from) / (to - from)
    return height - box.bottom - share * (height - box.top - box.bottom)
  }
  const ticks: number[] = []
  for (let decade = Math.floor(from); decade <= to; decade++) {
    for (const step of [1, 2, 5]) ticks.push(Number((step * 10 ** decade).toPrecision(1)))
  }
  return { at, ticks: ticks.filter((ms) => Math.log10(ms) >= from && Math.log10(ms) <= to) }
}

/** Moves names apart that would lie on one another. */
function spread(wanted: readonly number[]): number[] {
  const apart = 22
  const order = wanted.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at)
  const placed: number[] = []
  let free = box.top
  for (const { at, index } of order) {
    placed[index] = Math.max(at, free)
    free = (placed[index] ?? 0) + apart
  }
  // Those that were pushed below the box go up again, from the last one.
  let most = height - box.bottom
  for (const { index } of order.toReversed()) {
    placed[index] = Math.min(placed[index] ?? 0, most)
    most = (placed[index] ?? 0) - apart
  }
  return placed
}

const round = (value: number): number => Math.round(value * 10) / 10
const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] ?? '')
