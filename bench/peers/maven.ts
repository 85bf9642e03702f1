/** Systems that come from Maven Central: a set of artifacts with all they depend on, as one folder of jars in the cache. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCache } from './cache.js';
import { PeerUnavailable } from './peer.js';
import { runCommand } from './processes.js';

/** `group:artifact:version`, as Maven's users write it. */
export type MavenArtifact = `${string}:${string}:${string}`;

/** Pinned: a plugin without a version is whichever the repository calls newest. */
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

/** The folder of the jars of `artifacts`; `name` tells the version. Throws {@link PeerUnavailable} when Maven cannot get them. */
export async function mavenJars(
  cache: BenchCache,
  name: string,
  artifacts: readonly MavenArtifact[],
): Promise<string> {
  return cache.folder(name, async (directory) => {
    // The pom lies in a folder of its own, so that nothing but jars is on the class path.
    const project = join(directory, 'pom');
    mkdirSync(project);
    const pom = join(project, 'pom.xml');
    writeFileSync(pom, projectObjectModel(name, artifacts));
    const goal = `${DEPENDENCY_PLUGIN}:copy-dependencies`;
    try {
      await runCommand('mvn', ['-B', '-q', '-f', pom, goal, `-DoutputDirectory=${directory}`], {
        timeoutMs: 300_000,
      });
    } catch (error) {
      throw new PeerUnavailable(`Maven could not get ${artifacts.join(', ')}: ${(error as Error).message}`);
    }
  });
}

/** The least project that depends on `artifacts`. */
function projectObjectModel(name: string, artifacts: readonly MavenArtifact[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, id, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>ringmq.bench</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependencies.join('\n    ')}
  </dependencies>
</project>
`;
}
