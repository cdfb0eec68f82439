// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/command_line.h"
#include "libfiona/anonymize/explain.h"
#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/store/atomic_file.h"

using namespace fiona; // NOLINT(google-build-using-namespace) a tool speaks the library's language

namespace {

struct Arguments {
    std::string input, output, report, receipts, signing_key, explain, before, after;
    anonymize::Wishes wishes;
    std::string site_name, site_id;
    bool mapping = false;
};

void add_options(CLI::App& options, Arguments& given)
{
    auto& wishes = given.wishes;
    options.add_option("-i,--input", given.input,
                       "a directory, searched at any depth, or one file");
    options.add_option("-o,--output", given.output, "an empty or new directory");
    options.add_option("-j,--projectname", wishes.project, "the project");
    options.add_option("-p,--patientid", wishes.participant, "the participant: new name and id");
    options.add_option("-e,--eventname", wishes.event, "the event");
    options.add_option("-d,--dateincrement", wishes.days, "days added to every date");
    options.add_flag("-b,--byseries", wishes.by_series, "a directory for every series");
    options.add_flag("-u,--oldstyleuid", wishes.old_style, "the same as --uid-scheme compat-hex");
    options.add_flag("-m,--storemapping", given.mapping,
                     "write OUTPUT/mapping.json, old to new UIDs");
    options.add_option("-P,--tagchange", wishes.tag_changes,
                       "gggg,eeee=VALUE: another action or value");
    options.add_option("-R,--regtagchange", wishes.tag_regexes,
                       "gggg,eeee=REGEX: keep its groups only");
    options.add_option("-s,--sitename", given.site_name,
                       "accepted for old scripts, without effect");
    options.add_option("-w,--siteid", given.site_id, "accepted for old scripts, without effect");
    options.add_option("-t,--numthreads", wishes.threads, "threads")->check(CLI::Range(0U, 256U));
    options.add_option("--profile", wishes.profiles, "profile; several: later rows win");
    options.add_option("--project-config", wishes.project_config, "projects.json, keys beside it");
    options.add_option("--uid-scheme", wishes.scheme, "hmac, compat-dec or compat-hex")
        ->check(CLI::IsMember({"hmac", "compat-dec", "compat-hex"}));
    options.add_option("--key-file", wishes.key_file, "the project's secret: 32 bytes, mode 0600");
    options.add_option("--keep-private", wishes.private_lists,
                       "further list of private elements: a file, or mr-research");
    options
        .add_option("--documents", wishes.documents,
                    "refuse encapsulated documents, or if-clean: pass what identifies nobody")
        ->check(CLI::IsMember({"refuse", "if-clean"}));
    options.add_option("--phi", wishes.extra_identity, "JSON file of further identifying values");
    options.add_option("--verify", wishes.verify, "full or off")
        ->check(CLI::IsMember({"full", "off"}));
    options.add_flag("--i-know-this-leaks", wishes.knows_it_leaks, "needed by --verify off");
    options
        .add_option("--on-leak", wishes.on_leak, "fail, or scrub: blank the element, verify again")
        ->check(CLI::IsMember({"fail", "scrub"}));
    options.add_option(
        "--report", given.report,
        "write the report as JSON, mode 0600: it names inputs that were not written");
    auto* const key = options.add_option("--signing-key", given.signing_key,
                                         "Ed25519 key of the receipts, made if it is not there");
    options.add_option("--receipts", given.receipts, "append a signed receipt to this directory")
        ->needs(key);
    options.add_option("--explain", given.explain, "say what is done with a tag, do nothing");
}

void run(const Arguments& given, cli::Tool& tool)
{
    if (given.input.empty() || given.output.empty() || given.wishes.project.empty()
        || given.wishes.participant.empty()) {
        throw Error{Fault::usage, "-i, -o, -j and -p are needed"};
    }
    auto wishes = given.wishes;
    wishes.with_receipt = !given.receipts.empty();
    if (given.mapping) {
        wishes.mapping_file = std::filesystem::path{given.output} / "mapping.json";
    }
    if (tool.has_config()) {
        wishes.site = tool.config();
    }
    const auto settings = anonymize::settings_of(wishes);
    const auto inputs = input_files(given.input);
    const auto report = anonymize::anonymize_files(inputs, given.output, settings, tool.mode());
    anonymize::log_set_aside(report);
    const auto shown = anonymize::shown_report(report, tool.mode());
    if (!given.report.empty()) {
        const auto named = anonymize::shown_report(report, tool.mode(), anonymize::Paths::shown);
        store::write_file(given.report, json::write(named.document, json::Style::pretty) + "\n",
                          0600);
    }
    if (!given.receipts.empty() && tool.mode() == Mode::apply) {
        const anonymize::ReceiptBook book{given.receipts,
                                          SigningKey::load_or_make(given.signing_key)};
        book.append(anonymize::receipt_body(report, settings), Clock::now());
    }
    tool.report(shown.document, cli::table(shown.rows));
    const auto set_aside = report.files.size() - report.count(anonymize::Verdict::written);
    if (set_aside != 0) {
        throw Error{Fault::data, "{} of {} files were not written", set_aside, report.files.size()};
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-anonymize", "de-identify the headers of DICOM files",
                   "fiona-anonymize -i study -o clean -j GLIOMA -p GLI_001 -e baseline -b "
                   "--key-file GLIOMA.key"};
    tool.with_dry_run();
    Arguments given;
    add_options(tool.options(), given);
    auto* const profile = tool.options().add_subcommand("profile", "look at the profile");
    auto* const list = profile->add_subcommand("list", "all rows with their actions");
    auto* const diff = profile->add_subcommand("diff", "what another profile would do otherwise");
    diff->add_option("BEFORE", given.before, "a profile")->required();
    diff->add_option("AFTER", given.after, "another one")->required();
    profile->add_subcommand("explain", "what is done with a tag")
        ->add_option("TAG", given.explain, "gggg,eeee or a keyword")
        ->required();
    profile->require_subcommand(1);

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& wishes = given.wishes;
        if (!profile->parsed() && given.explain.empty()) {
            run(given, tool);
            return;
        }
        using anonymize::Profile;
        const auto& lists = wishes.private_lists;
        const auto shown =
            diff->parsed()
                ? anonymize::shown_difference(Profile::load({given.before}, {}, {}, lists),
                                              Profile::load({given.after}, {}, {}, lists))
            : list->parsed()
                ? anonymize::shown_profile(Profile::load(wishes.profiles, {}, {}, lists))
                : anonymize::shown_rule(Profile::load(wishes.profiles, {}, {}, lists),
                                        given.explain);
        tool.report(shown.document, cli::table(shown.rows));
    });
}
