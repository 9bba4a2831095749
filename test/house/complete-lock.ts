/** `node test/house/complete-lock.ts`, after the lock file was written: see lock-file.ts. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { completed, missingOptional } from './lock-file.ts'
import { readText, root } from './repository.ts'

const lock = JSON.parse(readText('package-lock.json'))
const missing = missingOptional(lock.packages)
writeFileSync(
  join(root, 'package-lock.json'),
  `${JSON.stringify({ ...lock, packages: completed(lock.packages) }, null, 2)}\n`,
)
console.log(`added ${missing.length} optional packages of other platforms`)
