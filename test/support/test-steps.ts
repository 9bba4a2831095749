/** The steps of `npm test` and `npm run check`: each a program, its outcome counted, its seconds kept. */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from './temporary-folder.ts'

export interface StepResult {
  readonly passed: number
  readonly failed: number
  readonly seconds: readonly { readonly name: string; readonly seconds: number }[]
  /** What failed and why, told once more at the end, where nobody has to look for it. */
  readonly failures: readonly string[]
}

const bin = (name: string): string => join('node_modules', '.bin', name)

/** Types of every room that has a configuration of its own, format and lint, dead code. Each is one test. */
export async function staticSteps(): Promise<StepResult> {
  const projects = globSync('**/tsconfig.json', { exclude: ['**/node_modules', '.tidegate'] })
  const results: StepResult[] = []
  for (const project of projects.sort()) {
    results.push(await tool(`types of ${project}`, bin('tsc'), ['--noEmit', '-p', project]))
  }
  results.push(await tool('format and lint', bin('biome'), ['ci', '--error-on-warnings', '.']))
  results.push(await tool('dead code and packages', bin('knip'), ['--no-progress']))
  return sum(results)
}

/** One vitest project with its progress shown; a file that cannot be loaded and an exit without a reason count as failures. */
export async function vitestStep(project: string): Promise<StepResult> {
  console.log(`\n== ${project} tests`)
  await using folder = await temporaryFolder()
  const report = folder.file('report.json')
  const args = [
    'run',
    '--project',
    project,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]
  const { code, seconds } = await run(bin('vitest'), args)
  const text = await readFile(report, 'utf8').catch(() => undefined)
  if (text === undefined)
    return {
      passed: 0,
      failed: 1,
      seconds: [{ name: `${project} tests without a report`, seconds }],
      failures: [`${project} tests: vitest ended with ${code} and left no report`],
    }
  return readReport(JSON.parse(text), code, process.cwd())
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly startTime: number
    readonly endTime: number
    readonly message?: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName?: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

/** Skipped tests are neither passed nor failed. */
export function readReport({ testResults }: VitestReport, exitCode: number, folder: string): StepResult {
  const files = testResults.map(({ name, status, startTime, endTime, message = '', assertionResults }) => {
    const file = name.replace(`${folder}/`, '')
    const failures = assertionResults
      .filter((test) => test.status === 'failed')
      .map(({ fullName = '', failureMessages = [] }) => `${file} > ${fullName}\n${failureMessages.join('\n')}`)
    if (failures.length === 0 && status === 'failed') failures.push(`${file}\n${message}`)
    return {
      passed: assertionResults.filter((test) => test.status === 'passed').length,
      failed: failures.length,
      seconds: [{ name: file, seconds: (endTime - startTime) / 1000 }],
      failures,
    }
  })
  const total = sum(files)
  if (exitCode === 0 || total.failed > 0) return total
  const stray = `vitest ended with ${exitCode}, and no test says why`
  return { ...total, failed: 1, failures: [stray] }
}

export function sum(results: readonly StepResult[]): StepResult {
  return {
    passed: results.reduce((all, { passed }) => all + passed, 0),
    failed: results.reduce((all, { failed }) => all + failed, 0),
    seconds: results.flatMap(({ seconds }) => seconds),
    failures: results.flatMap(({ failures }) => failures),
  }
}

/** A failure's own words, at most: a counterexample fits. */
const failureTextLimit = 3_000

/**
 * The slowest files, what failed, then the last line: `N passed, N failed`. The exit code is 1 on a failure, and when
 * nothing ran.
 */
export function conclude({ passed, failed, seconds, failures }: StepResult): void {
  const slowest = seconds.toSorted((a, b) => b.seconds - a.seconds).slice(0, 15)
  console.log(`\nslowest of ${seconds.length} files and steps:`)
  for (const { name, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}`)
  for (const failure of failures) console.log(`\nFAILED ${failure.slice(0, failureTextLimit)}`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
  console.log(`${passed} passed, ${failed} failed`)
}

async function tool(name: string, command: string, args: readonly string[]): Promise<StepResult> {
  console.log(`\n== ${name}`)
  const { code, seconds } = await run(command, args)
  console.log(code === 0 ? `ok (${seconds.toFixed(1)} s)` : `FAILED (exit code ${code})`)
  const failures = code === 0 ? [] : [`${name}: exit code ${code}`]
  return { passed: 1 - failures.length, failed: failures.length, seconds: [{ name, seconds }], failures }
}

/** With the output shown as it comes; a terminal is not needed. */
async function run(command: string, args: readonly string[]): Promise<{ code: number; seconds: number }> {
  const started = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const code = await new Promise<number>((resolve) => {
    child.once('close', (code) => resolve(code ?? 1)).once('error', () => resolve(127))
  })
  return { code, seconds: (performance.now() - started) / 1000 }
}
