/** `npm run bench -- NAME [--long] [--seed N]`: runs one comparison of bench/system/ and prints its table. */
import { type BenchOptions, readCommand } from './command.ts'

interface Bench {
  bench(options: BenchOptions): Promise<void>
}

const folder = new URL('./system/', import.meta.url)
const { name, names, options } = readCommand(folder, process.argv.slice(2))

if (name === undefined || !names.includes(name)) {
  console.log(`Benches: ${names.join(', ')}\nRun one: npm run bench -- NAME [--long] [--seed N]`)
  process.exitCode = name === undefined ? 0 : 1
} else {
  console.log(`bench ${name}${options.long ? ' --long' : ''} --seed ${options.seed} (Node ${process.versions.node})\n`)
  const { bench } = (await import(new URL(`${name}.ts`, folder).href)) as Bench
  await bench(options)
}
