/** A table in plain text: the first column to the left, figures to the right. */
export function printTable(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const lines = [headings, ...rows].map((row) => row.map(String))
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  for (const [at, line] of lines.entries()) {
    const cells = widths.map((width, column) => {
      const text = line[column] ?? ''
      return column === 0 ? text.padEnd(width) : text.padStart(width)
    })
    console.log(cells.join('  ').trimEnd())
    if (at === 0) console.log(widths.map((width) => '-'.repeat(width)).join('  '))
  }
  console.log('')
}

/** `12,345`: the same on every machine, whatever its language. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** Nanoseconds or microseconds, whichever reads better. */
export function duration(nanoseconds: number): string {
  return nanoseconds < 10_000 ? `${Math.round(nanoseconds)} ns` : `${grouped(nanoseconds / 1000)} us`
}
