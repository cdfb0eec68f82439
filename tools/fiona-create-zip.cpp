// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/export/mail.h"
#include "libfiona/export/report.h"
#include "libfiona/export/runner.h"

#include <filesystem>

namespace {

using namespace fiona;

struct Wishes {
    std::string project, participant, study, accession, event, type, user, email, sender;
    std::optional<std::filesystem::path> password_file, out, work;
    std::optional<unsigned> threads;
    exports::RunOptions run;
};

exports::ExportJob job_of(const Wishes& wishes)
{
    if (wishes.password_file.has_value() == wishes.email.empty()) {
        throw Error{Fault::usage, "--email and --password-file go together"};
    }
    const auto password =
        wishes.password_file ? read_secret_file(*wishes.password_file).reveal() : std::string{};
    return exports::read_job(
        exports::as_line({.id = "",
                          .project = wishes.project,
                          .participant = wishes.participant,
                          .study = StudyUid{wishes.study},
                          .accession = Private<std::string>{wishes.accession},
                          .event = wishes.event,
                          .type = wishes.type,
                          .destination = "",
                          .user = wishes.user,
                          .email = wishes.email,
                          .sender = wishes.sender,
                          .password = Private<std::string>{std::string{trimmed(password)}},
                          .token = "",
                          .last_error = ""},
                         Clock::now()));
}

void request(const cli::Tool& tool, const exports::ExportSettings& settings, const Wishes& wishes)
{
    const auto job = job_of(wishes);
    const bool is_new =
        exports::request_export(settings, job, tool.mode()) == exports::ExportList::Added::yes;
    const bool is_dry = tool.mode() == Mode::dry_run;
    const std::string_view result = !is_new  ? "was asked for before"
                                    : is_dry ? "would be asked for"
                                             : "asked for";
    tool.report(json::Object{{"id", job.id}, {"result", result}},
                {fmt::format("{}: {}", job.id, result)});
}

void run(const cli::Tool& tool, const Config& config, const exports::ExportSettings& settings,
         const exports::RunOptions& options)
{
    const dicom::Library library;
    const auto report =
        exports::run_exports(config, settings, exports::mail_sender(config, settings), options);
    auto lines = cli::table(exports::as_rows(report));
    lines.push_back(fmt::format("{} packages looked after", report.jobs.size()));
    tool.report(exports::as_document(report), lines);
    if (report.problem) {
        throw Error{*report.problem};
    }
}

void status(const cli::Tool& tool, const exports::ExportSettings& settings)
{
    const auto listing = exports::ExportList{settings.list, settings.failed_list}.read();
    auto lines = cli::table(exports::as_rows(listing));
    lines.push_back(fmt::format("{} in the list, {} given up, {} lines are no jobs",
                                listing.jobs.size(), listing.failed, listing.unreadable));
    tool.report(exports::as_document(listing), lines);
}

void add_request_options(CLI::App& app, Wishes& wishes)
{
    app.add_option("--project", wishes.project, "research project")->required();
    app.add_option("--participant", wishes.participant, "its participant (pseudonym)")->required();
    app.add_option("--study", wishes.study, "study instance UID in the research PACS")->required();
    app.add_option("--accession", wishes.accession, "accession number there");
    app.add_option("--event", wishes.event, "imaging event");
    app.add_option("--type", wishes.type, "export type (default: plain)");
    app.add_option("--user", wishes.user, "who asks");
    app.add_option("--email", wishes.email, "mail an encrypted package to this address");
    app.add_option("--sender", wishes.sender, "address of who asks");
    app.add_option("--password-file", wishes.password_file, "its password (mode 0600)");
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-create-zip", "pack studies of the research PACS for researchers",
                   "fiona-create-zip request --project DEMO --participant DEMO_0001 --study 1.2.3 "
                   "--type PURE && fiona-create-zip run"};
    tool.with_dry_run();
    Wishes wishes;
    tool.options().require_subcommand(1);
    auto* const ask = tool.options().add_subcommand("request", "ask for a package");
    add_request_options(*ask, wishes);
    auto* const work = tool.options().add_subcommand("run", "make the packages that are asked for");
    work->add_option("--max", wishes.run.max, "this many at most");
    work->add_flag_callback(
        "--once", [&] { wishes.run.max = 1; }, "one at most");
    work->add_option("--job", wishes.run.id, "this one, also before its time");
    work->add_option("--out", wishes.out, "where packages go");
    work->add_option("--work", wishes.work, "where work folders are made");
    work->add_option("--threads", wishes.threads, "threads that compress");
    work->add_flag("--keep-work", wishes.run.keeps_work, "leave the work folder");
    const auto* const show = tool.options().add_subcommand("status", "list what is asked for");

    return tool.run(argc, argv, [&] {
        auto settings = exports::read_settings(tool.config());
        settings.packages = wishes.out.value_or(settings.packages);
        settings.work = wishes.work.value_or(settings.work);
        settings.threads = wishes.threads.value_or(settings.threads);
        wishes.run.mode = tool.mode();
        if (ask->parsed()) {
            request(tool, settings, wishes);
        } else if (show->parsed()) {
            status(tool, settings);
        } else {
            run(tool, tool.config(), settings, wishes.run);
        }
    });
}
