// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/ingest/reclassify.h"
#include "libfiona/ingest/reconcile.h"

#include <map>

using namespace fiona;

namespace {

struct Words {
    ingest::DaemonOptions daemon;
    std::string text, study; ///< of send, of reclassify
};

void report_status(const cli::Tool& tool, const Config& config)
{
    const store::Spool spool{config.paths.spool()};
    const auto pid = store::running_daemon(ingest::pid_file(config));
    const auto waiting = spool.count_waiting();
    const auto failed = spool.count_failed();
    tool.report(json::Object{{"running", pid.has_value()},
                             {"pid", pid.value_or(0)},
                             {"waiting", waiting},
                             {"failed", failed}},
                {pid ? fmt::format("running, pid {}", *pid) : "not running",
                 fmt::format("waiting {}", waiting), fmt::format("failed {}", failed)});
}

void once(const cli::Tool& tool, const Config& config, const Words& words)
{
    const auto done = ingest::run_once(config, words.daemon.rules);
    tool.report(json::Object{{"processed", done.processed},
                             {"failed", done.given_up},
                             {"postponed", done.postponed}},
                {fmt::format("processed {}, failed {}, postponed {}", done.processed, done.given_up,
                             done.postponed)});
    if (done.given_up > 0) {
        throw Error{Fault::data, "{} entries were set aside in {}, each with its reason",
                    done.given_up, (config.paths.spool() / "failed").native()};
    }
    if (done.postponed > 0) {
        throw Error{Fault::temporary, "{} entries wait for the next run", done.postponed};
    }
}

void test_rules(const cli::Tool& tool, const Config& config, const Words& words)
{
    const auto rules = ingest::load_rules(config, words.daemon.rules);
    tool.report(rules.resolved(), {json::write(rules.resolved(), json::Style::pretty)});
    if (!rules.problems().empty()) {
        throw Error{Fault::data, "{} mistakes in the rules", rules.problems().size()};
    }
}

void reclassify(const cli::Tool& tool, const Config& config, const Words& words)
{
    const auto rules = ingest::load_rules(config, words.daemon.rules);
    const auto total = words.study == "all"
                           ? ingest::reclassify_all(config, rules, tool.mode())
                           : ingest::reclassify(config, rules, StudyUid{words.study}, tool.mode());
    tool.report(json::Object{{"series", total.series},
                             {"changed", total.changed},
                             {"unreadable", total.unreadable},
                             {"skipped", total.skipped}},
                {fmt::format("series {}, changed {}, unreadable images {}", total.series,
                             total.changed, total.unreadable)});
    if (total.unreadable > 0) {
        throw Error{Fault::data, "{} images cannot be read", total.unreadable};
    }
    if (total.skipped > 0) {
        throw Error{Fault::temporary, "{} studies were skipped", total.skipped};
    }
}

void reconcile(const cli::Tool& tool, const Config& config)
{
    const auto found = ingest::reconcile(config, Clock::now(), ingest::Scope::all, tool.mode());
    const json::Object document{{"queued", found.queued},
                                {"retried", found.retried},
                                {"unreadable", found.unreadable},
                                {"parts", found.parts_removed}};
    tool.report(document,
                {fmt::format("queued {}, retried {}, unreadable {}, parts removed {}", found.queued,
                             found.retried, found.unreadable, found.parts_removed)});
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-process-file", "sort received images into studies and series",
                   "fiona-process-file start && fiona-process-file status"};
    tool.with_dry_run().with_project();
    Words words;
    auto& options = tool.options();
    options.add_option("--rules", words.daemon.rules, "classification rules instead of the site's");
    options.add_flag_callback(
        "--legacy-pipe", [&] { words.daemon.old_name = ingest::DaemonOptions::OldName::link; },
        "with start, restart, run: also under the old name in /tmp");
    options.require_subcommand(1);
    options.add_subcommand("start", "start the daemon unless it runs");
    options.add_subcommand("stop", "stop it when the current image is done");
    options.add_subcommand("restart", "stop and start");
    options.add_subcommand("status", "whether it runs, and how many images wait");
    options.add_subcommand("run", "be the daemon, in the foreground");
    options.add_subcommand("once", "process all that waits, then exit");
    auto* const send = options.add_subcommand("send", "announce a file by hand");
    send->add_option("TEXT", words.text, "caller,called,address,directory,file or a path")
        ->required();
    options.add_subcommand("test-rules", "print the rules, references resolved; 65 on mistakes")
        ->alias("test"); // as the original called it
    auto* const again = options.add_subcommand("reclassify", "find the types of series anew");
    again->add_option("STUDY", words.study, "a StudyInstanceUID, or `all`")->required();
    options.add_subcommand("reconcile", "announce again what has no link; retry what failed");

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& config = tool.config();
        const auto say = [&](const std::string& state) {
            tool.report(json::Object{{"state", state}}, {state});
        };
        const auto stop = [&] { return ingest::stop(config) == store::StopResult::stopped; };
        const auto start = [&] {
            const bool is_new = ingest::start(config, words.daemon) == store::StartResult::started;
            say(is_new ? "started" : "already running");
        };
        const std::map<std::string, std::function<void()>> verbs{
            {"start", start},
            {"stop", [&] { say(stop() ? "stopped" : "not running"); }},
            {"restart",
             [&] {
                 stop();
                 start();
             }},
            {"status", [&] { report_status(tool, config); }},
            {"run", [&] { ingest::run_until_stopped(config, words.daemon); }},
            {"once", [&] { once(tool, config, words); }},
            {"send", [&] { ingest::send(config, words.text, tool.mode()); }},
            {"test-rules", [&] { test_rules(tool, config, words); }},
            {"reclassify", [&] { reclassify(tool, config, words); }},
            {"reconcile", [&] { reconcile(tool, config); }}};
        const auto verb = options.get_subcommands().front()->get_name();
        const auto plan = tool.mode() == Mode::dry_run ? ingest::plan(config, verb) : std::nullopt;
        plan ? say(*plan) : verbs.at(verb)();
    });
}
