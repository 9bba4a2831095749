import assert from 'node:assert'
import { stat } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import type { Static } from 'typebox'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Metrics } from '#server-kit/metrics.ts'
import { ms } from '../config-parts.ts'
import { problems } from '../errors.ts'
import { type Extension, type OpenExtension, type Place, places } from './extension.ts'
import type { extensions } from './extensions-config.ts'
import { extensionOutcomes, GuardedExtension } from './guarded-extension.ts'

export interface ExtensionsOptions {
  readonly yaml: Static<typeof extensions>
  readonly path: (relative: string) => string
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

export interface Extensions {
  /** In the order of the configuration. */
  at(place: Place): readonly GuardedExtension[]
  readonly all: readonly GuardedExtension[]
  close(): Promise<void>
}

/** Loads what the configuration names. Throws `extension-unusable` for a module that is none. */
export async function openExtensions({ yaml, path, clock, log, metrics }: ExtensionsOptions): Promise<Extensions> {
  const calls = metrics.counter('tidegate_extension_calls_total', 'Calls of extensions.', {
    extension: { atMost: 50 },
    outcome: extensionOutcomes,
  })
  const all: GuardedExtension[] = []
  const close = async () => void (await Promise.all(all.map((extension) => extension.close())))
  try {
    for (const { name, module, options, budget, whenFailed, enabled } of yaml) {
      const file = path(module)
      const open = await load(name, file)
      const own = log.child({ extension: name })
      const extension = await opened(name, file, () => open(options, { clock, log: own }))
      all.push(new GuardedExtension(extension, { name, budgetMs: ms(budget), whenFailed, enabled, clock, log, calls }))
      if (!places.includes(extension.place))
        throw problems['extension-unusable']({
          extension: name,
          file,
          because: `its place is none of ${places.join(', ')}`,
        })
    }
  } catch (cause) {
    // The configuration is refused whole, and the one before goes on: nobody else would give back what these hold.
    await close()
    throw cause
  }
  return { at: (place) => all.filter((extension) => extension.place === place), all, close }
}

async function load(name: string, file: string): Promise<OpenExtension> {
  let loaded: { default?: unknown }
  try {
    // A file that has changed is another module: what was loaded before is never loaded again by the same address.
    const { mtimeMs } = await stat(file)
    loaded = (await import(`${pathToFileURL(file).href}?changed=${mtimeMs}`)) as { default?: unknown }
  } catch (cause) {
    throw problems['extension-unusable']({ extension: name, file, because: String(cause), cause })
  }
  if (typeof loaded.default !== 'function')
    throw problems['extension-unusable']({ extension: name, file, because: 'its default export is no function' })
  return loaded.default as OpenExtension
}

async function opened(name: string, file: string, open: () => Extension | Promise<Extension>): Promise<Extension> {
  try {
    const extension: unknown = await open()
    assert(typeof extension === 'object' && extension !== null, 'it opens nothing')
    return extension as Extension
  } catch (cause) {
    throw problems['extension-unusable']({ extension: name, file, because: String(cause), cause })
  }
}
