// SPDX-License-Identifier: MIT
#include "tests/e2e/books.h"

#include "libfiona/anonymize/inputs.h"
#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/projects.h"

#include <fmt/format.h>

namespace fs = std::filesystem;
using namespace fiona;

namespace {

/// Of the pixels and all behind them: dcmsend writes the lengths of sequences in its own way.
std::string pixels_sha256(const fs::path& file, const dicom::Prescan& scanned)
{
    return sha256_hex(
        read_file(file).substr(scanned.pixel_data_offset.value_or(scanned.data_set_offset)));
}

/// Everything below a directory that is a file and no part of one.
std::vector<fs::path> files_below(const fs::path& directory)
{
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        if (entry.is_regular_file() && entry.path().filename().native().front() != '.') {
            files.push_back(entry.path());
        }
    }
    return files;
}

/// The archive names a file MODALITY.SOP.
std::string sop_of(const fs::path& archived)
{
    const auto name = archived.filename().native();
    return name.substr(name.find('.') + 1);
}

/// `study transfers DEMO` for each row of INCOMING that asks for a transfer, and so on.
std::multiset<std::string> incoming_rows(const Config& config, const std::string& instrument,
                                         const std::string& key)
{
    std::multiset<std::string> names;
    for (const auto& row :
         redcap::connect(config.redcap, redcap::Role::incoming)->export_records({})) {
        if (row.instrument == instrument) {
            names.insert(row.record + " " + (key.empty() ? "" : row.value(key)));
        }
    }
    return names;
}

std::multiset<std::string> project_rows(const Config& config)
{
    const auto dtp = redcap::connect(config.redcap, redcap::Role::dtp);
    const auto project = redcap::research_project(*dtp, ProjectName{"DEMO"});
    std::multiset<std::string> names;
    for (const auto& row :
         redcap::connect(config.redcap, project.token.value())->export_records({})) {
        if (row.instrument == "imaging") {
            names.insert(row.record);
        }
    }
    return names;
}

/// What the receipts say became of an input, by its SHA-256: the new SOP instance UIDs.
std::map<std::string, std::set<std::string>> sent_by_input(const Config& config)
{
    std::map<std::string, std::set<std::string>> sent;
    for (const auto& file : anonymize::find_receipts(config.paths.receipts())) {
        const auto receipt = json::parse(read_file(file), "receipt");
        for (const auto& object : receipt.find("body")->find("objects")->array()) {
            if (object.text("verdict") == "clean") {
                sent[object.text("input_sha256")].insert(object.text("sop_instance"));
            }
        }
    }
    return sent;
}

} // namespace

std::ostream& operator<<(std::ostream& stream, const Books::Account& account)
{
    return stream << fmt::format("{} expected, {} lost, {} twice, {} nobody's, {} damaged",
                                 account.expected, account.lost, account.doubled, account.strange,
                                 account.damaged);
}

std::string Books::enter(const fs::path& directory)
{
    std::string study;
    for (const auto& file : files_below(directory)) {
        const auto scanned = dicom::prescan_file(file);
        study = scanned.study;
        m_objects.insert_or_assign(scanned.sop_instance, Object{scanned.study, scanned.series,
                                                                pixels_sha256(file, scanned)});
    }
    return study;
}

Books::Account Books::compared(const std::set<std::string>& expected,
                               const std::multiset<std::string>& found)
{
    Account account{.expected = expected.size()};
    for (const auto& name : expected) {
        const auto times = found.count(name);
        account.lost += times == 0 ? 1U : 0U;
        account.doubled += times > 1 ? times - 1 : 0;
    }
    for (const auto& name : found) {
        account.strange += expected.contains(name) ? 0U : 1U;
    }
    return account;
}

std::map<std::string, fs::path> Books::archive_by_sop() const
{
    std::map<std::string, fs::path> files;
    for (const auto& file : files_below(m_pipeline->config().paths.archive())) {
        files.emplace(sop_of(file), file);
    }
    return files;
}

Books::Account Books::archive() const
{
    std::set<std::string> expected;
    std::multiset<std::string> found;
    std::size_t damaged = 0;
    for (const auto& [sop, object] : m_objects) {
        expected.insert(sop);
    }
    for (const auto& file : files_below(m_pipeline->config().paths.archive())) {
        const auto sop = sop_of(file);
        found.insert(sop);
        const auto sent = m_objects.find(sop);
        if (sent == m_objects.end()) {
            continue;
        }
        try {
            const auto is_whole =
                pixels_sha256(file, dicom::prescan_file(file)) == sent->second.pixels_sha256;
            damaged += is_whole ? 0U : 1U;
        } catch (const Error&) { // half a file
            ++damaged;
        }
    }
    auto account = compared(expected, found);
    account.damaged = damaged;
    return account;
}

Books::Account Books::links() const
{
    std::set<std::string> expected;
    for (const auto& [sop, object] : m_objects) {
        expected.insert(object.study + "/" + object.series + "/" + sop);
    }
    std::multiset<std::string> found;
    const auto raw = m_pipeline->config().paths.raw();
    for (const auto& entry : fs::recursive_directory_iterator{raw}) {
        if (entry.is_symlink() && fs::is_regular_file(entry.path())) {
            found.insert(fs::relative(entry.path().parent_path(), raw) / entry.path().filename());
        }
    }
    return compared(expected, found);
}

/// The receipts tell which new object is which: every object that was sent to us has gone out under one name,
/// and under that name it is there.
Books::Account Books::research_pacs() const
{
    const auto files = archive_by_sop();
    const auto sent = sent_by_input(m_pipeline->config());
    std::set<std::string> expected;
    for (const auto& [sop, object] : m_objects) {
        const auto file = files.find(sop);
        const auto out =
            file == files.end() ? sent.end() : sent.find(anonymize::sha256_of_file(file->second));
        if (out == sent.end() || out->second.size() != 1) {
            expected.insert("no or several receipts for " + sop);
        } else {
            expected.insert(*out->second.begin());
        }
    }
    std::multiset<std::string> found;
    for (const auto& [study, instances] : m_pipeline->in_pacs()) {
        found.insert(instances.begin(), instances.end());
    }
    auto account = compared(expected, found);
    account.expected = m_objects.size();
    account.lost += m_objects.size() - expected.size(); // two that went out as one
    return account;
}

std::set<std::string> Books::studies(const std::string& suffix) const
{
    std::set<std::string> names;
    for (const auto& [sop, object] : m_objects) {
        names.insert(object.study + " " + suffix);
    }
    return names;
}

std::map<std::string, Books::Account> Books::accounts() const
{
    const auto& config = m_pipeline->config();
    std::set<std::string> series;
    for (const auto& [sop, object] : m_objects) {
        series.insert(object.study + " " + object.series);
    }
    const std::multiset<std::string> participants = project_rows(config);
    return {
        {"archive", archive()},
        {"links", links()},
        {"research PACS", research_pacs()},
        {"INCOMING studies", compared(studies(""), incoming_rows(config, "", ""))},
        {"INCOMING series",
         compared(series, incoming_rows(config, "series", "series_instance_uid"))},
        {"INCOMING transfers",
         compared(studies("DEMO"), incoming_rows(config, "transfers", "transfer_project_name"))},
        {"project", compared(m_participants, participants)}};
}

std::vector<std::string> Books::left_behind() const
{
    const auto& paths = m_pipeline->config().paths;
    std::vector<std::string> names;
    for (const auto& directory :
         {paths.requests(), paths.temporary(), paths.archive(), paths.raw(), paths.done()}) {
        const bool is_work = directory == paths.requests() || directory == paths.temporary();
        for (const auto& entry : fs::recursive_directory_iterator{directory}) {
            const auto name = entry.path().filename().native();
            const bool is_hidden = name.front() == '.'
                                   || fs::relative(entry.path(), directory).native().front() == '.';
            if (!is_hidden && (is_work || name.ends_with(".part"))) {
                names.push_back(entry.path());
            }
        }
    }
    return names;
}
