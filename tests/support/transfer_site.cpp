// SPDX-License-Identifier: MIT
#include "tests/support/transfer_site.h"

#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/study_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace fs = std::filesystem;
using namespace fiona;

namespace {

bool has_entry(const fs::path& directory, const std::string& start, const std::string& not_end)
{
    if (!fs::is_directory(directory)) {
        return false;
    }
    for (const auto& entry : fs::directory_iterator{directory}) {
        const auto name = entry.path().filename().native();
        if (name.starts_with(start) && !name.ends_with(not_end)) {
            return true;
        }
    }
    return false;
}

Config new_site(const fs::path& root)
{
    const auto file = root / "config.json";
    store::write_file(file, json::write(json::Object{{"ROOT", root.native()}}));
    return Config::load(file);
}

} // namespace

TransferSite::TransferSite() : m_config{new_site(m_root.path)}
{
    make_directories();
}

TransferSite::TransferSite(Config config) : m_config{std::move(config)}
{
    make_directories();
}

void TransferSite::make_directories() const
{
    for (const auto& directory : {paths().raw(), paths().archive(), paths().config(),
                                  paths().requests(), paths().logs(), paths().state()}) {
        fs::create_directories(directory);
    }
}

void TransferSite::add(const SmallImage& image, const json::Object& properties) const
{
    const auto file =
        paths().archive() / ("scp_" + image.study) / (image.modality + "." + image.sop);
    write_image(image, file);
    const store::StudyTree tree{paths()};
    const StudyUid study{image.study};
    const SeriesUid series{image.series};
    tree.link_instance(study, series, SopInstanceUid{image.sop}, file);
    json::Object all{{"ClassifyType", json::Array{"SYNTHETIC"}},
                     {"Modality", json::Array{image.modality}},
                     {"NumFiles", fmt::format("{}", tree.count_instances(study, series))},
                     {"SeriesDescription", "t1 synthetic"},
                     {"SeriesInstanceUID", image.series},
                     {"StudyInstanceUID", image.study}};
    for (const auto& [key, value] : properties) {
        all.insert_or_assign(key, value);
    }
    store::write_file(tree.series_json(study, series), json::write(all, json::Style::pretty));
}

std::string TransferSite::study_uid(int number)
{
    return fmt::format("1.2.826.0.1.3680043.9.7433.1.{}", number);
}

void TransferSite::add_study(int number, int count) const
{
    for (int i = 1; i <= count; ++i) {
        SmallImage image;
        image.study = study_uid(number);
        image.series = image.study + ".1";
        image.sop = fmt::format("{}.{}", image.series, i);
        image.more = {{"InstanceNumber", fmt::format("{}", i)}};
        add(image);
    }
}

std::string TransferSite::file_request(const std::string& study, const std::string& project,
                                       const std::string& participant,
                                       const std::string& sent) const
{
    const json::Object content{
        {"redcap_repeat_instance", 1},      {"redcap_repeat_instrument", "transfers"},
        {"study_instance_uid", study},      {"transfer_date", sent},
        {"transfer_event_name", ""},        {"transfer_name", participant},
        {"transfer_project_name", project}, {"transfer_requested_date", "2024-01-02 10:30"}};
    const auto request =
        store::TransferRequest::parse(json::write(content), "a request of the test");
    if (!store::Requests{paths()}.file(request)) {
        throw std::runtime_error{"the request is there already"};
    }
    return request.file_name();
}

std::string TransferSite::whereabouts(const std::string& name) const
{
    std::vector<std::string> found;
    if (fs::exists(paths().requests() / name)) {
        found.emplace_back("requests");
    }
    if (fs::is_directory(paths().work())) {
        for (const auto& worker : fs::directory_iterator{paths().work()}) {
            if (fs::exists(worker.path() / name)) {
                found.emplace_back("work");
            }
        }
    }
    if (has_entry(paths().done(), name, "#")) {
        found.emplace_back("done");
    }
    if (has_entry(paths().failed(), name, "_messages.log")) {
        found.emplace_back("failed");
    }
    std::string joined;
    for (const auto& place : found) {
        joined += joined.empty() ? place : "+" + place;
    }
    return joined;
}

std::string TransferSite::everything_written() const
{
    std::string text;
    for (const auto& directory : {paths().processing, paths().temporary()}) {
        if (!fs::is_directory(directory)) {
            continue;
        }
        for (const auto& entry : fs::recursive_directory_iterator{directory}) {
            text += entry.path().native() + "\n";
            if (entry.is_regular_file()) {
                text += read_file(entry.path()) + "\n";
            }
        }
    }
    return text;
}

std::string identity_in(const std::string& text)
{
    constexpr std::array<const char*, 8> secrets{
        "Quixotic",   "Zephyrina", small_image_id, small_image_accession,
        "SID5544332", "19610214",  "quixotic",     "ZEPHYRINA"};
    for (const auto* const secret : secrets) {
        if (text.find(secret) != std::string::npos) {
            return secret;
        }
    }
    return {};
}
