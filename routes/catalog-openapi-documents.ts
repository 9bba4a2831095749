import Type from 'typebox'
import { type CatalogFile, mostBytesOf } from './catalog-files.ts'
import { openApiDocument } from './catalog-openapi-document.ts'
import { type Operation, operationsOf } from './catalog-openapi-operations.ts'
import { type OperationRequest, readRequest } from './catalog-openapi-request.ts'
import { checkDocument } from './document.ts'
import { type Fault, faultAt, printFault, shown } from './fault.ts'
import { Findings } from './findings.ts'

export interface OpenApiOperations {
  readonly operations: readonly Operation[]
  /** What an operation asks of a request; read once, though several routes may name it. */
  requestOf(operation: Operation): OperationRequest
}

/** The OpenAPI documents beside the services; each is read (at most 1 MiB) when a route first names it. */
export class OpenApiDocuments {
  readonly #files: ReadonlyMap<string, CatalogFile>
  readonly #read = new Map<string, OpenApiOperations | undefined>()
  readonly #faults: Fault[] = []
  readonly #warnings: Fault[] = []

  constructor(files: readonly CatalogFile[]) {
    this.#files = new Map(files.map((file) => [file.file, file]))
  }

  get names(): readonly string[] {
    return [...this.#files.keys()]
  }

  has(name: string): boolean {
    return this.#files.has(name)
  }

  /** Undefined for a document that has a fault of its own, which `tell` tells, and for one that is not there. */
  get(name: string): OpenApiOperations | undefined {
    if (this.#read.has(name)) return this.#read.get(name)
    const file = this.#files.get(name)
    const read = file && this.#open(file)
    this.#read.set(name, read)
    return read
  }

  /** Adds what was found in all of them, each thing once, and which of them nobody named. */
  tell(faults: Fault[], warnings: Fault[]): void {
    faults.push(...distinct(this.#faults))
    warnings.push(...distinct(this.#warnings))
    for (const file of this.names.filter((name) => !this.#read.has(name))) {
      const place = { file, line: 1, column: 1 }
      const told = { value: shown(file), expected: 'no route is checked by it', fix: 'name it in a "validate.openapi"' }
      warnings.push(faultAt(place, '', told))
    }
  }

  #open({ file, text }: CatalogFile): OpenApiOperations | undefined {
    const checked = checkDocument({ file, text, schema: Type.Unknown(), limitBytes: mostBytesOf(file) })
    if (!checked.ok) {
      this.#faults.push(...checked.faults)
      return undefined
    }
    const findings = new Findings(checked, this.#faults, this.#warnings)
    const document = openApiDocument(checked.value, findings)
    if (document === undefined) return undefined
    const requests = new Map<Operation, OperationRequest>()
    return {
      operations: operationsOf(document),
      requestOf: (operation) => {
        const known = requests.get(operation)
        if (known !== undefined) return known
        const request = readRequest(document, operation)
        requests.set(operation, request)
        return request
      },
    }
  }
}

/** Two operations that use one component tell its fault twice. */
function distinct(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [printFault(fault), fault])).values()]
}
