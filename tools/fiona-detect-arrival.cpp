// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/ingest/arrival.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-detect-arrival", "notice studies that have arrived completely",
                   "fiona-detect-arrival --quiet-time 16"};
    tool.with_dry_run().with_project();
    std::optional<unsigned> quiet;
    ingest::ArrivalOptions options;
    unsigned max_wait = static_cast<unsigned>(options.max_wait.count());
    tool.options().add_option("--quiet-time", quiet,
                              "seconds without an image that make a study complete");
    tool.options().add_option("--max-wait", max_wait,
                              "seconds to wait for open associations and the spool");

    return tool.run(argc, argv, [&] {
        const auto& config = tool.config();
        tool.run_alone();
        options.quiet = quiet ? std::chrono::seconds{*quiet} : config.timing.quiet;
        options.max_wait = std::chrono::seconds{max_wait};
        options.mode = tool.mode();
        const auto found = ingest::detect_arrivals(config, Clock::now(), options);
        tool.report(json::Object{{"studies", found.studies},
                                 {"series", found.series},
                                 {"repaired", found.repaired},
                                 {"skipped", found.skipped},
                                 {"waiting", found.waiting},
                                 {"postponed", found.postponed},
                                 {"failed", found.failed}},
                    {fmt::format("studies {}, series {}, waiting {}, postponed {}, failed {}",
                                 found.studies, found.series, found.waiting, found.postponed,
                                 found.failed)});
        if (found.failed > 0) {
            throw Error{Fault::data, "{} marks were set aside in {}", found.failed,
                        (config.paths.arrived() / ".failed").native()};
        }
        if (found.postponed > 0) {
            throw Error{Fault::temporary, "{} marks wait for the next run", found.postponed};
        }
    });
}
