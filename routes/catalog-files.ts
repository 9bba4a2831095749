import { limits } from './catalog-schema.ts'

export interface CatalogFile {
  /** As faults name it: its path inside the folder of the catalog. */
  readonly file: string
  readonly text: string
}

/**
 * What a file of a catalog is. `*.openapi.yaml`, `.yml` and `.json` are OpenAPI documents; `sites.yaml` and `teams.yaml` are
 * known by their last part; any other one is a service.
 */
export type CatalogFileKind = 'sites' | 'teams' | 'service' | 'openapi'

/** A service may be called `teams`: what names its service is a service, whatever its file is called. */
export function kindOf({ file, text }: CatalogFile): CatalogFileKind {
  if (isOpenApiFile(file)) return 'openapi'
  const kind = /(?:^|\/)(sites|teams)\.ya?ml$/.exec(file)?.[1]
  return kind === undefined || serviceLine.test(text) ? 'service' : (kind as 'sites' | 'teams')
}

/** The service that a text names, also where the text is no document. */
export function serviceNameIn(text: string): string | undefined {
  return serviceLine.exec(text)?.[1] || undefined
}

const serviceLine = /^service:[ \t]*["']?([a-z0-9-]{0,63})/m

/** By its name alone, so that a folder can be listed without reading what is not for the catalog. */
export function isCatalogFile(file: string): boolean {
  return /\.ya?ml$/.test(file) || isOpenApiFile(file)
}

export function isOpenApiFile(file: string): boolean {
  return /[^/]\.openapi\.(?:ya?ml|json)$/.test(file)
}

/** A longer one is refused unread. */
export function mostBytesOf(file: string): number {
  return isOpenApiFile(file) ? limits.openApiBytes : limits.documentBytes
}
