/** The samples that need no more than what CI has anyway; the others are tested in test/soak/products/. */
import { testSample } from "../../support/load/sample-contract.ts";
import { SAMPLE_BINARY, type SampleName, SOAK_SAMPLES } from "../../support/samples.ts";

const SAMPLES = (Object.keys(SAMPLE_BINARY) as SampleName[]).filter((name) => !SOAK_SAMPLES.has(name));

for (const name of SAMPLES) testSample(name);
