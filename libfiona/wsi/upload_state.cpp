// SPDX-License-Identifier: MIT
#include "libfiona/wsi/upload_state.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/words.h"
#include "libfiona/store/folder.h"

#include <unistd.h>

#include <cerrno>

namespace fiona::wsi {

namespace fs = std::filesystem;

namespace {

constexpr WordTable<Stage, 6> stage_names{{{Stage::filed, "filed"},
                                           {Stage::placed, "placed"},
                                           {Stage::delivered, "delivered"},
                                           {Stage::recorded, "recorded"},
                                           {Stage::reported, "reported"},
                                           {Stage::finished, "finished"}}};

constexpr std::string_view suffix = ".json";

std::string part_of(const std::string& id)
{
    return fmt::format(".{}.part", id);
}

std::int64_t number_in(const json::Value& json, std::string_view key)
{
    const auto* const found = json.find(key);
    return found == nullptr ? 0 : found->integer();
}

Stage stage_in(const json::Value& json)
{
    const auto stage = meaning_of(stage_names, json.text("stage"));
    if (!stage) {
        throw Error{Fault::data, "the state of an upload has an unknown stage"};
    }
    return *stage;
}

std::optional<FileIdentity> image_in(const json::Value& json)
{
    const auto* const image = json.find("image");
    if (image == nullptr || !image->is_object()) {
        return std::nullopt;
    }
    return FileIdentity{static_cast<std::uint64_t>(number_in(*image, "inode")),
                        static_cast<std::uint64_t>(number_in(*image, "bytes")),
                        number_in(*image, "modified_ns")};
}

} // namespace

std::string_view to_string(Stage stage)
{
    return word_of(stage_names, stage);
}

json::Value UploadState::to_json() const
{
    json::Object statuses;
    for (const auto& [sop, status] : stores) {
        statuses.emplace(sop, status);
    }
    json::Object document{{"stage", to_string(stage)},
                          {"begun", epoch_seconds(begun)},
                          {"accepted", is_accepted},
                          {"attempts", attempts},
                          {"postponed", postponed},
                          {"not_before", epoch_seconds(not_before)},
                          {"last_error", last_error},
                          {"mode", mode},
                          {"study", study},
                          {"series", series},
                          {"input_sha256", input_sha256},
                          {"input_md5", input_md5},
                          {"receipt", receipt},
                          {"done_name", done_name},
                          {"added", added},
                          {"result", result},
                          {"stores", std::move(statuses)}};
    if (image) {
        document["image"] = json::Object{
            {"inode", image->inode}, {"bytes", image->bytes}, {"modified_ns", image->modified_ns}};
    }
    return document;
}

UploadState UploadState::parse(const json::Value& json)
{
    UploadState state{.stage = stage_in(json),
                      .begun = Clock::from_time_t(number_in(json, "begun")),
                      .is_accepted = json.text("accepted") == "true",
                      .attempts = static_cast<unsigned>(number_in(json, "attempts")),
                      .postponed = static_cast<unsigned>(number_in(json, "postponed")),
                      .not_before = Clock::from_time_t(number_in(json, "not_before")),
                      .last_error = json.text("last_error"),
                      .mode = json.text("mode"),
                      .study = json.text("study"),
                      .series = json.text("series"),
                      .input_sha256 = json.text("input_sha256"),
                      .input_md5 = json.text("input_md5"),
                      .image = image_in(json),
                      .receipt = json.text("receipt"),
                      .done_name = json.text("done_name")};
    if (const auto* const added = json.find("added")) {
        state.added = added->object();
    }
    if (const auto* const result = json.find("result")) {
        state.result = *result;
    }
    if (const auto* const stores = json.find("stores")) {
        for (const auto& [sop, status] : stores->object()) {
            state.stores.emplace(sop, status.text());
        }
    }
    return state;
}

UploadStates::UploadStates(const Paths& paths) : m_directory{paths.state() / "slides"} {}

fs::path UploadStates::file_of(const std::string& id) const
{
    return m_directory / (id + std::string{suffix});
}

UploadState UploadStates::load(const std::string& id) const
{
    const auto text = read_file_if_any(file_of(id));
    if (!text) {
        return {};
    }
    try {
        return UploadState::parse(json::parse(*text, "the state of an upload"));
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        log::warn("upload_state_forgotten", {{"upload", id}, {"reason", e.what()}});
        return {};
    }
}

void UploadStates::save(const std::string& id, const UploadState& state) const
{
    make_directories(m_directory);
    put_text(store::Folder{m_directory, "the states of uploads"}, id + std::string{suffix},
             json::write(state.to_json(), json::Style::pretty) + "\n", part_of(id));
}

void UploadStates::remove(const std::string& id) const
{
    for (const auto& file : {file_of(id), m_directory / part_of(id)}) {
        if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
            throw os_error(errno, "remove the state of an upload");
        }
    }
}

std::vector<std::string> UploadStates::ids() const
{
    std::vector<std::string> found;
    if (!fs::is_directory(m_directory)) {
        return found;
    }
    for (const auto& entry : fs::directory_iterator{m_directory}) {
        const auto name = entry.path().filename().native();
        if (!name.starts_with('.') && name.ends_with(suffix)) {
            found.push_back(name.substr(0, name.size() - suffix.size()));
        }
    }
    return found;
}

} // namespace fiona::wsi
