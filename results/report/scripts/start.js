report.run();
