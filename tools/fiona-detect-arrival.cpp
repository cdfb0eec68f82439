// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/ingest/arrival.h"

using namespace fiona;

namespace {

void report(const cli::Tool& tool, const Config& config, const ingest::Arrivals& found)
{
    tool.report(
        json::Object{{"studies", found.studies},
                     {"series", found.series},
                     {"repaired", found.repaired},
                     {"skipped", found.skipped},
                     {"actions", found.actions},
                     {"waiting", found.waiting},
                     {"postponed", found.postponed},
                     {"failed", found.failed}},
        {fmt::format("studies {}, series {}, actions {}, waiting {}, postponed {}, failed {}",
                     found.studies, found.series, found.actions, found.waiting, found.postponed,
                     found.failed)});
    if (found.failed > 0) {
        throw Error{Fault::data, "{} marks were set aside in {}", found.failed,
                    (config.paths.arrived() / ".failed").native()};
    }
    if (found.postponed > 0) {
        throw Error{Fault::temporary, "{} marks wait for another try", found.postponed};
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-detect-arrival", "notice studies that have arrived completely",
                   "fiona-detect-arrival --quiet-time 16"};
    tool.with_dry_run().with_project();
    std::optional<unsigned> quiet;
    ingest::ArrivalOptions options;
    auto max_wait = static_cast<unsigned>(options.max_wait.count());
    bool is_once = false;
    bool is_watch = false;
    bool is_retry = false;
    tool.options().add_option("--quiet-time", quiet,
                              "seconds without an image that make a study complete");
    tool.options().add_option("--max-wait", max_wait,
                              "seconds to wait for open associations and the spool");
    auto* const once =
        tool.options().add_flag("--once", is_once, "look, act, and end (the default)");
    auto* const forever = tool.options().add_flag("--watch", is_watch, "look until SIGTERM");
    auto* const again =
        tool.options().add_flag("--retry-failed", is_retry, "let what was given up be tried again");
    forever->excludes(once)->excludes(again);
    again->excludes(once);

    return tool.run(argc, argv, [&] {
        const auto& config = tool.config();
        if (is_retry) { // no lock: whoever is at work takes the marks up
            const auto marks = ingest::retry_failed_arrivals(config, tool.mode());
            tool.report(json::Object{{"retried", marks}}, {fmt::format("retried {}", marks)});
            return;
        }
        if (is_watch && tool.mode() == Mode::dry_run) {
            throw Error{Fault::usage, "--watch is for real; leave out --dry-run"};
        }
        tool.run_alone();
        options.quiet = quiet ? std::chrono::seconds{*quiet} : config.timing.quiet;
        options.max_wait = std::chrono::seconds{max_wait};
        options.mode = tool.mode();
        if (is_watch) {
            ingest::watch_arrivals(config, options);
        } else {
            report(tool, config, ingest::detect_arrivals(config, Clock::now(), options));
        }
    });
}
