/** Lag over time as an SVG: one dot a mark, ms on a straight scale. */

const width = 960
const height = 420
const box = { left: 70, right: 30, top: 84, bottom: 60 }

export function plotLag(line: readonly (readonly [atMs: number, lagMs: number])[], note: string): string {
  const beginMs = line[0]?.[0] ?? 0
  const lastMs = Math.max(1, (line.at(-1)?.[0] ?? 0) - beginMs)
  const most = Math.max(100, ...line.map(([, lagMs]) => lagMs)) * 1.05
  const x = (atMs: number) => round(box.left + ((atMs - beginMs) / lastMs) * (width - box.left - box.right))
  const y = (lagMs: number) => round(height - box.bottom - (lagMs / most) * (height - box.top - box.bottom))
  const ticks = [0, 20, 50, 100, 200, 500, 1_000, 2_000].filter((tick) => tick <= most)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="14" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${box.left}" y="34" font-size="20" font-weight="600">Until a write is seen at the other site</text>`,
    `<text x="${box.left}" y="58" fill="#555">${note}</text>`,
    ...ticks.map(
      (tick) =>
        `<path d="M${box.left} ${y(tick)}H${width - box.right}" stroke="#ddd"/><text x="${box.left - 8}" y="${y(tick) + 5}" text-anchor="end">${tick}</text>`,
    ),
    `<path d="M${box.left} ${y(100)}H${width - box.right}" stroke="#D55E00" stroke-dasharray="6 4"/>`,
    `<text x="${box.left - 8}" y="${box.top - 8}" text-anchor="end" fill="#555">ms</text>`,
    `<text x="${(box.left + width - box.right) / 2}" y="${height - 16}" text-anchor="middle" fill="#555">${(lastMs / 1000).toFixed(0)} seconds; dashed: the goal for 99 of 100</text>`,
    `<path d="${line.map(([atMs, lagMs]) => `M${x(atMs)} ${y(lagMs)}h0`).join('')}" stroke="#0072B2" stroke-width="3" stroke-linecap="round"/>`,
    '</svg>\n',
  ].join('\n')
}

const round = (value: number): number => Math.round(value * 10) / 10
