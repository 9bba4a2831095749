/** The metrics that the code defines, read from the code: a page needs no running programs. */
import type { SourceFile } from './repository.ts'

export interface FoundMetric {
  readonly name: string
  readonly kind: string
  readonly help: string
  readonly file: string
}

/** Calls such as `metrics.counter('tidegate_x_total', 'What it counts.'`. */
export function metricsOf(files: readonly SourceFile[]): FoundMetric[] {
  const call = /\.(counter|gauge|histogram)\(\s*'(tidegate_\w+)',\s*(?:'([^']+)'|"([^"]+)")/g
  return files
    .flatMap(({ path, text }) =>
      Array.from(text.matchAll(call), ([, kind = '', name = '', single, double]) => ({
        name,
        kind,
        help: single ?? double ?? '',
        file: path,
      })),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

export function printMetricReference(files: readonly SourceFile[]): string {
  const rows = metricsOf(files).map(
    ({ name, kind, help, file }) =>
      `| \`${name}\` | ${kind} | ${help.replaceAll('|', '\\|')} | ${file.split('/')[0]} |`,
  )
  return `# Metrics

Written by \`npm run generate\` from the code that defines them; do not edit.

Every label has a closed set of values; one outside it is counted as \`other\`, and in \`tidegate_metrics_overflow_total{metric}\`.

| name | kind | meaning | room |
|---|---|---|---|
${rows.join('\n')}
`
}
