/** All files that come from code, by path: `npm run generate` writes them, a test finds one that is out of date. */
import { cacheRuleTests, printCacheRules } from './cache-rules.ts'
import { catalogSchemaFiles, printCatalogReference } from './catalog-reference.ts'
import { printCommandReference } from './command-reference.ts'
import { configuredPrograms, printConfigurationReference } from './configuration.ts'
import { printMetricReference } from './metric-definitions.ts'
import { allProblems, printErrorReference } from './problem-tables.ts'
import { printProxyRules, proxyRuleTests } from './proxy-rules.ts'
import { repositoryFiles, sourceFiles } from './repository.ts'

export async function generatedPages(): Promise<Readonly<Record<string, string>>> {
  const tests = repositoryFiles(/^test\/(?!house\/).*\.test\.ts$/)
  return {
    'docs/reference/cache-rules.md': printCacheRules(cacheRuleTests(tests)),
    'docs/reference/catalog.md': printCatalogReference(),
    'docs/reference/commands.md': printCommandReference(),
    'docs/reference/configuration.md': printConfigurationReference(await configuredPrograms()),
    'docs/reference/errors.md': printErrorReference(await allProblems()),
    'docs/reference/metrics.md': printMetricReference(sourceFiles()),
    'docs/reference/proxy-rules.md': printProxyRules(proxyRuleTests(tests)),
    ...catalogSchemaFiles(),
  }
}
