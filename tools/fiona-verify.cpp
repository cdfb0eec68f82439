// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/receipt.h"
#include "libfiona/anonymize/residual.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/site/integrity.h"

#include <algorithm>

using namespace fiona; // NOLINT(google-build-using-namespace) a tool speaks the library's language
namespace fs = std::filesystem;

namespace {

struct Arguments {
    std::string receipts, files, public_key;
    std::string searched;
    anonymize::KnownIdentity known;
    bool repair = false;
};

/// Without any named: the site's own, of its own key. A site that has sent nothing has none.
void take_the_sites(Arguments& given, cli::Tool& tool)
{
    const auto& paths = tool.config().paths;
    make_directories(paths.receipts());
    given.receipts = paths.receipts().native();
    if (given.public_key.empty() && fs::exists(paths.signing_key())) {
        given.public_key = SigningKey::load_or_make(paths.signing_key()).public_key();
    }
}

void verify_receipts(Arguments given, cli::Tool& tool)
{
    const bool is_sites = given.receipts.empty();
    if (is_sites) {
        take_the_sites(given, tool);
    }
    const auto receipts = anonymize::find_receipts(given.receipts);
    auto findings = anonymize::check_receipts(receipts, anonymize::public_key_of(given.public_key));
    if (!given.files.empty()) {
        std::ranges::move(anonymize::check_outputs(receipts, given.files),
                          std::back_inserter(findings));
    }
    json::Array array;
    std::vector<std::string> lines{fmt::format("{} receipts", receipts.size())};
    for (const auto& finding : findings) {
        array.emplace_back(json::Object{{"file", finding.file.native()}, {"what", finding.what}});
        lines.push_back(fmt::format("{}: {}", finding.file.native(), finding.what));
    }
    tool.report(json::Object{{"receipts", receipts.size()}, {"findings", std::move(array)}}, lines);
    if (!findings.empty() || (receipts.empty() && !is_sites)) {
        throw Error{Fault::data, "{} findings in {} receipts", findings.size(), receipts.size()};
    }
}

void search_residue(const Arguments& given, const cli::Tool& tool)
{
    const dicom::Library library;
    const auto profile = anonymize::Profile::load({}, {});
    const auto identity = anonymize::identity_of(given.known, profile);
    const auto report = anonymize::find_residue(given.searched, identity);
    json::Array array;
    std::vector<std::string> lines{fmt::format("{} files, {} bytes searched for {} identifiers",
                                               report.files, report.bytes, identity.size())};
    for (const auto& residue : report.found) {
        const auto& place = residue.file.empty() ? residue.directory : residue.file;
        array.emplace_back(
            json::Object{{residue.file.empty() ? "directory" : "file", place.native()},
                         {"where", residue.where},
                         {"what", residue.what}});
        lines.push_back(fmt::format("{}: {}: {}", place.native(), residue.where, residue.what));
    }
    tool.report(json::Object{{"files", report.files},
                             {"bytes", report.bytes},
                             {"identifiers", identity.size()},
                             {"findings", std::move(array)}},
                lines);
    if (!report.found.empty()) {
        throw Error{Fault::data, "{} places hold what identifies", report.found.size()};
    }
}

void verify_site(const Arguments& given, cli::Tool& tool)
{
    const auto mode = given.repair && tool.mode() == Mode::apply ? Mode::apply : Mode::dry_run;
    const auto report = site::check_integrity(tool.config().paths, Clock::now(), mode);
    json::Array array;
    std::vector<std::string> lines{fmt::format("{} studies, {} series, {} links, {} requests",
                                               report.studies, report.series, report.links,
                                               report.requests)};
    std::size_t left = 0;
    for (const auto& damage : report.damage) {
        left += damage.is_mended ? 0U : 1U;
        array.emplace_back(json::Object{{"kind", site::name_of(damage.kind)},
                                        {"path", damage.path.native()},
                                        {"remedy", damage.remedy},
                                        {"mended", damage.is_mended}});
        lines.push_back(fmt::format("{}: {}: {}", site::name_of(damage.kind), damage.path.native(),
                                    damage.is_mended ? "mended" : damage.remedy));
    }
    tool.report(json::Object{{"studies", report.studies},
                             {"series", report.series},
                             {"links", report.links},
                             {"requests", report.requests},
                             {"damage", std::move(array)}},
                lines);
    if (left != 0) {
        throw Error{Fault::data, "{} of {} findings are not mended", left, report.damage.size()};
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-verify", "check receipts, search for identities, check a site",
                   "fiona-verify residual clean --original study --phi identity.json"};
    tool.with_dry_run();
    Arguments given;
    auto& options = tool.options();
    options.require_subcommand(1);
    auto* const receipts = options.add_subcommand("receipt", "signatures and chain of receipts");
    receipts->add_option("RECEIPTS", given.receipts,
                         "a directory of receipts, or one; else the site's");
    receipts->add_option("--files", given.files, "de-identified files to hold against them");
    receipts->add_option("--public-key", given.public_key, "64 hex digits, or a file of them");
    auto* const search =
        options.add_subcommand("residual", "search a directory for what identifies a study");
    search->add_option("DIRECTORY", given.searched, "what is searched")->required();
    search->add_option("--original", given.known.originals, "original files, or their directory");
    search->add_option("--phi", given.known.given, "JSON file of identifying values");
    search->add_option("--harmless", given.known.harmless,
                       "words that may be there: participant, project, event");
    auto* const whole_site =
        options.add_subcommand("site", "links, JSON and requests of the configured site");
    whole_site->add_flag("--repair", given.repair, "mend what can be mended without loss");

    return tool.run(argc, argv, [&] {
        if (receipts->parsed()) {
            verify_receipts(given, tool);
        } else if (search->parsed()) {
            search_residue(given, tool);
        } else {
            verify_site(given, tool);
        }
    });
}
