// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/inventory/prune.h"
#include "libfiona/inventory/settings.h"
#include "libfiona/pacs/research_pacs.h"
#include "libfiona/store/clock_guard.h"

#include <optional>

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-what-is-not-in-ids7",
                   "Delete rows of WhatIsInIDS7 whose study is no longer in the research PACS.",
                   "fiona-what-is-not-in-ids7 --force"};
    inventory::PruneOrder order;
    bool force = false;
    bool dry_run = false;
    auto* const apply = tool.options().add_flag(
        "-f,--force", force, "delete, and remember what is missing; without it only say so");
    tool.options()
        .add_flag("-n,--dry-run", dry_run, "change nothing; the default")
        ->excludes(apply);
    tool.options().add_option("--max-delete", order.max_delete,
                              "delete at most so many rows, instead of 5 % and 100");

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& config = tool.config();
        const auto settings = inventory::read_settings(config);
        order.mode = force ? Mode::apply : Mode::dry_run;
        order.memory = config.paths.state() / "not-in-ids7.tsv";
        order.now = Clock::now();
        tool.run_alone();
        store::check_clock(config.paths, "what-is-not-in-ids7", order.mode,
                           store::read_clocks(order.now));
        const auto client = redcap::connect(config.redcap, redcap::Role::ids7);
        pacs::QuerySession session{pacs::research_query(config)};
        const auto report = inventory::prune(*client, session, settings, order);
        json::Array deleted;
        std::vector<std::string> lines;
        for (const auto& study : report.deleted) {
            deleted.emplace_back(study);
            lines.push_back((force ? "deleted " : "would delete ") + study);
        }
        lines.push_back(
            fmt::format("{} rows: {} present, {} missing and waiting for a second look, "
                        "{} {}, {} unanswered, {} refused; {} queries",
                        report.rows, report.present, report.waiting, report.deleted.size(),
                        force ? "deleted" : "would be deleted", report.unknown, report.refused,
                        report.queries));
        tool.report(json::Object{{"rows", report.rows},
                                 {"present", report.present},
                                 {"waiting", report.waiting},
                                 {"deleted", deleted},
                                 {"unknown", report.unknown},
                                 {"refused", report.refused},
                                 {"queries", report.queries}},
                    lines);
        if (report.unknown > 0) {
            throw Error{Fault::temporary,
                        "{} gave no answer that counts about {} studies; they are left as they are",
                        config.research_pacs.qr_aet, report.unknown};
        }
        if (report.refused > 0) {
            throw Error{Fault::data, "{} records of WhatIsInIDS7 have no study UID as their id",
                        report.refused};
        }
    });
}
