// The sync exchange class of clients/ccxt in Python, with the real ccxt.
import { definePythonScenarios } from "./support/pythonScenarios.js";
import { onEachDatabase } from "./support/server.js";

onEachDatabase("ccxt in Python", (server) => definePythonScenarios("sync", server));
