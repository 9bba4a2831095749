/** `npm run prove -- NAME [--long] [--seed N]`: runs one claim; the last line is `PASS NAME: figures` or `FAIL NAME: figures`. */
import { type BenchOptions, readCommand } from './command.ts'

interface Proof {
  prove(options: BenchOptions): Promise<{ readonly pass: boolean; readonly figures: string }>
}

const folder = new URL('./proofs/', import.meta.url)
const { name, names, options } = readCommand(folder, process.argv.slice(2))

if (name === undefined || !names.includes(name)) {
  console.log(`Proofs: ${names.join(', ')}\nRun one: npm run prove -- NAME [--long] [--seed N]`)
  process.exitCode = name === undefined ? 0 : 1
} else {
  console.log(`prove ${name}${options.long ? ' --long' : ''} --seed ${options.seed} (Node ${process.versions.node})\n`)
  const { prove } = (await import(new URL(`${name}.ts`, folder).href)) as Proof
  const { pass, figures } = await prove(options)
  console.log(`${pass ? 'PASS' : 'FAIL'} ${name}: ${figures}`)
  process.exitCode = pass ? 0 : 1
}
