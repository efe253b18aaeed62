// Reads simulations as JSON from standard input, and prints the verdict of each. argv[2]: the folder with node_modules.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { readFileSync } from 'node:fs'

const require = createRequire(pathToFileURL(process.argv[2] + '/'))
const { runSimulation } = require('@cloud-copilot/iam-simulate')
const verdicts = []
for (const simulation of JSON.parse(readFileSync(0, 'utf8'))) {
  const response = await runSimulation(simulation, {})
  verdicts.push(response.resultType === 'error' ? `error: ${JSON.stringify(response.errors)}` : response.overallResult)
}
console.log(JSON.stringify(verdicts))
