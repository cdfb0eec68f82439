// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"
#include "libfiona/base/process.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/jobs/task.h"
#include "libfiona/pacs/research_pacs.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/workflow/report.h"

namespace {

using namespace fiona;
using Again = workflow::SelectionOrder::Listing::Again;

struct Options {
    std::string engine;
    std::optional<std::string> job;
    std::string statement;
    std::vector<std::string> studies;
    std::optional<std::string> freeze;
    workflow::SelectionOrder::Listing listing{};
    bool is_strict = false;
    bool is_again = false;
    std::string task_job;
    std::string batch;
    unsigned attempt = 0;
};

CLI::App* add_options(cli::Tool& tool, Options& options)
{
    auto& app = tool.options();
    app.require_subcommand(0, 1);
    app.add_option("--engine", options.engine, "instead of JOBS.engine")
        ->check(CLI::IsMember({"podman", "docker", "apptainer", "process", "slurm"}));
    app.add_option("--job", options.job, "only the job of this id");
    auto* const select = app.add_subcommand("select", "say what a select statement chooses");
    select->add_option("STATEMENT", options.statement, "the statement")->required();
    select->add_option("--study", options.studies, "only these studies");
    select->add_flag("--strict-precedence", options.is_strict, "AND binds tighter than OR");
    select->add_option("--freeze", options.freeze, "write FOLDER/jobs.json, the numbered sets");
    auto* const image =
        select->add_option("--image", options.listing.image, "list a job for each set");
    image->needs(
        select->add_option("--project", options.listing.project, "of the jobs")->needs(image));
    select->add_option("--options", options.listing.options, "ROR_CONT_OPTIONS, JSON")
        ->needs(image);
    select->add_option("--ror-folder", options.listing.ror_folder, "of the jobs")->needs(image);
    select->add_flag("--again", options.is_again, "also sets that were worked on before")
        ->needs(image);
    auto* const task = app.add_subcommand("task", "run one attempt (called by this tool)");
    task->add_option("ID", options.task_job, "the job");
    task->add_option("--attempt", options.attempt, "its attempt");
    task->add_option("--batch", options.batch, "an array of Slurm, instead of ID and attempt");
    return &app;
}

void select_sets(cli::Tool& tool, const Options& options)
{
    workflow::SelectionOrder order;
    order.statement = options.statement;
    order.precedence =
        options.is_strict ? jobs::Precedence::strict : jobs::Precedence::left_to_right;
    for (const auto& study : options.studies) {
        order.studies.emplace_back(study);
    }
    order.freeze = options.freeze;
    if (!options.listing.image.empty()) {
        order.listing = options.listing;
        order.listing->user = "processing";
        order.listing->again = options.is_again ? Again::yes : Again::no;
    }
    const auto result = workflow::select_jobs(tool.config(), order, Clock::now(), tool.mode());
    tool.report(workflow::as_document(result), workflow::as_lines(result));
}

void run_task(cli::Tool& tool, const Options& options)
{
    const auto settings = jobs::read_job_settings(tool.config());
    const jobs::JobRecords records{tool.config().paths.state()};
    const auto task = options.batch.empty()
                          ? jobs::JobRecords::BatchTask{options.task_job, options.attempt}
                          : jobs::slurm_task(records, options.batch);
    static_cast<void>(jobs::run_task(settings, records, task.id, task.attempt));
}

void run_jobs(cli::Tool& tool, const Options& options)
{
    const auto& config = tool.config();
    if (tool.mode() == Mode::apply) {
        tool.run_alone();
    }
    std::shared_ptr<redcap::Client> projects;
    const workflow::Means means{
        config,
        jobs::read_job_settings(config, options.engine),
        {[&] { return pacs::research_pacs(config); }, [&] { return pacs::research_query(config); },
         [&](const ProjectName& name) -> std::shared_ptr<redcap::Client> {
             if (!projects) {
                 projects = redcap::connect(config.redcap, redcap::Role::dtp);
             }
             return redcap::connect(config.redcap, redcap::ProjectTokens{*projects}.of(name));
         },
         [&]() -> std::shared_ptr<redcap::Client> {
             return redcap::connect(config.redcap, redcap::Role::incoming);
         }},
        sibling_program("fiona-run-one-job")};
    const auto result = workflow::run_jobs(means, {options.job, tool.mode()});
    tool.report(workflow::as_document(result), workflow::as_lines(result));
    if (result.problem) {
        throw Error{*result.problem};
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-run-one-job",
                   "Run the listed container jobs, check their results, send them on.",
                   "fiona-run-one-job --dry-run"};
    tool.with_dry_run();
    Options options;
    const auto* const app = add_options(tool, options);

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        if (app->got_subcommand("select")) {
            select_sets(tool, options);
        } else if (app->got_subcommand("task")) {
            run_task(tool, options);
        } else {
            run_jobs(tool, options);
        }
    });
}
