// SPDX-License-Identifier: MIT
#include "libfiona/ingest/streams.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t longest_time_limit = std::int64_t{24} * 3600;
constexpr std::size_t longest_name = 64;

using Pattern = std::shared_ptr<const re2::RE2>;

/// A mistake in one stream: which key, and what is wrong with it.
[[noreturn]] void refuse(std::string_view key, std::string_view reason)
{
    throw Error{Fault::config, "{}: {}", key, reason};
}

std::string text_of(const json::Value& value, std::string_view key)
{
    if (!value.is_string()) {
        refuse(key, "must be a text");
    }
    if (value.string().find('\0') != std::string::npos) { // it would end an argument
        refuse(key, "holds a NUL");
    }
    return value.string();
}

bool flag_of(const json::Value& object, std::string_view key, const std::string& where)
{
    const auto* const value = object.find(key);
    if (value != nullptr && !value->is_bool()) {
        refuse(fmt::format("{}.{}", where, key), "must be true or false");
    }
    return value != nullptr && value->boolean();
}

const json::Array& array_of(const json::Value& object, std::string_view key,
                            const std::string& where)
{
    static const json::Array none;
    const auto* const value = object.find(key);
    if (value == nullptr || value->is_null()) {
        return none;
    }
    if (!value->is_array()) {
        refuse(where, "must be an array");
    }
    return value->array();
}

Pattern pattern_of(const json::Value& trigger, std::string_view key)
{
    const auto* const value = trigger.find(key);
    if (value == nullptr) {
        return nullptr;
    }
    const auto where = fmt::format("trigger.{}", key);
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_encoding(re2::RE2::Options::EncodingLatin1); // AE titles are bytes
    auto pattern = std::make_shared<const re2::RE2>(text_of(*value, where), options);
    if (!pattern->ok()) {
        refuse(where, pattern->error());
    }
    return pattern;
}

/// At its start, as Python's re.match() does it.
bool matches(const Pattern& pattern, const std::string& text)
{
    return !pattern || pattern->Match(text, 0, text.size(), re2::RE2::ANCHOR_START, nullptr, 0);
}

class Reader {
public:
    Reader(const Config& config, const json::Value& source) : m_config{config}, m_source{source} {}

    Stream read()
    {
        Stream stream;
        stream.name = name();
        stream.log = log_of(stream.name);
        stream.destination = array_of(m_source, "destination", "destination");
        read_trigger(stream);
        stream.study_actions = actions("trigger-study");
        stream.series_actions = actions("trigger-series");
        stream.version = sha256_hex(json::write(m_source)).substr(0, 16);
        return stream;
    }

    [[nodiscard]] std::string name() const
    {
        const auto* const value = m_source.find("name");
        if (value == nullptr) {
            refuse("name", "is missing");
        }
        auto name = text_of(*value, "name");
        if (name.empty() || name.size() > longest_name) {
            refuse("name", "must have 1 to 64 characters");
        }
        return name;
    }

private:
    [[nodiscard]] fs::path log_of(const std::string& name) const
    {
        const auto* const value = m_source.find("log");
        if (value == nullptr) {
            return m_config.paths.logs()
                   / fmt::format("Workflows_trigger_{}.log", percent_encoded(name));
        }
        fs::path log{text_of(*value, "log")};
        if (!log.is_absolute()) {
            refuse("log", "must be an absolute path");
        }
        return log;
    }

    void read_trigger(Stream& stream) const
    {
        const auto* const trigger = m_source.find("trigger");
        if (trigger == nullptr) {
            stream.matches = [](const store::ArrivalMark&) { return true; };
            return;
        }
        if (!trigger->is_object()) {
            refuse("trigger", "must be an object");
        }
        for (const auto& [key, value] : trigger->object()) {
            if (key != "AETitleCalled" && key != "AETitleCaller") {
                log::warn("stream_key_ignored",
                          {{"stream", stream.name}, {"key", "trigger." + key}});
            }
        }
        stream.matches = [called = pattern_of(*trigger, "AETitleCalled"),
                          caller = pattern_of(*trigger, "AETitleCaller")](const auto& mark) {
            return ingest::matches(called, mark.called) && ingest::matches(caller, mark.caller);
        };
    }

    [[nodiscard]] std::vector<Action> actions(const std::string& key) const
    {
        std::vector<Action> found;
        for (const auto& item : array_of(m_source, key, key)) {
            found.push_back(action(item, fmt::format("{}[{}]", key, found.size())));
        }
        return found;
    }

    [[nodiscard]] Action action(const json::Value& source, const std::string& where) const
    {
        if (!source.is_object()) {
            refuse(where, "must be an object");
        }
        Action action;
        const auto type = source.text("type", "exec");
        action.on_error =
            flag_of(source, "ignoreError", where) ? Action::OnError::go_on : Action::OnError::stop;
        if (const auto* const limit = source.find("timeout"); limit != nullptr) {
            if (!limit->is_integer() || limit->integer() < 1
                || limit->integer() > longest_time_limit) {
                refuse(where + ".timeout", "must be 1 to 86400 seconds");
            }
            action.time_limit = std::chrono::seconds{limit->integer()};
        }
        if (type == "exec") {
            const auto key = where + ".cmd";
            for (const auto& word : array_of(source, "cmd", key)) {
                action.command.push_back(text_of(word, key));
            }
            if (action.command.empty() || action.command.front().empty()) {
                refuse(key, "names no program");
            }
        } else if (type == "job") {
            action.kind = Action::Kind::job;
            action.job = job(source, where);
        } else {
            action.kind = Action::Kind::skipped;
            log::warn("stream_action_skipped", {{"stream", name()}, {"key", where + ".type"}});
        }
        return action;
    }

    /// The keys of the action; image, select and ROR_CONT_OPTIONS may stand in select_statements.json
    /// under the stream's name, as the original's scripts expect them.
    [[nodiscard]] json::Object job(const json::Value& source, const std::string& where) const
    {
        json::Object job;
        const auto file = m_config.streams.parent_path() / "select_statements.json";
        const auto statements =
            json::parse(read_file_if_any(file).value_or("{}"), file.filename().native());
        const auto* const shared = statements.find(name());
        constexpr std::array<std::pair<const char*, const char*>, 7> keys{
            {{"image", "docker_image"},
             {"select", "select"},
             {"ROR_CONT_OPTIONS", "ROR_CONT_OPTIONS"},
             {"project", ""},
             {"user", ""},
             {"job_number", ""},
             {"ror_folder", ""}}};
        for (const auto& [key, other] : keys) {
            if (const auto* const value = source.find(key); value != nullptr) {
                job[key] = text_of(*value, fmt::format("{}.{}", where, key));
            } else if (shared != nullptr) {
                job[key] = shared->text(other);
            }
        }
        if (job["image"].text().empty()) {
            refuse(where + ".image", "is missing, here and in select_statements.json");
        }
        return job;
    }

    const Config& m_config;
    const json::Value& m_source;
};

/// For a complaint: streams may have lost their names.
std::string label(const json::Value& stream, std::size_t index)
{
    return fmt::format("Streams[{}] {}", index, stream.text("name", "without a name"));
}

/// Nothing for what is no place-holder.
std::optional<std::string> value_of(std::string_view name, const Config& config,
                                    const Stream& stream, const store::ArrivalMark& mark)
{
    const auto directory = config.paths.raw() / mark.study.str();
    if (name == "StudyInstanceUID") { // as in the mark's name
        return (mark.series ? "" : "scp_") + mark.study.str();
    }
    if (name == "SeriesInstanceUID") {
        return mark.series ? "/" + mark.series->str() : "";
    }
    if (name == "StudyUID") {
        return mark.study.str();
    }
    if (name == "SeriesUID") {
        return mark.series ? mark.series->str() : "";
    }
    if (name == "PATH") {
        return mark.series ? directory / mark.series->str() : directory;
    }
    if (name == "DESCRIPTION") {
        return directory / "data.json";
    }
    if (name == "StreamName") {
        return stream.name;
    }
    if (name == "WorkflowsFolder") {
        return config.paths.workflows().parent_path();
    }
    if (name == "destination") { // with its quotes escaped: scripts put it into a JSON text
        std::string escaped;
        for (const char c : json::write(stream.destination)) {
            escaped += c == '"' ? "\\\"" : std::string{c};
        }
        return escaped;
    }
    return std::nullopt;
}

} // namespace

const Stream* Streams::find(std::string_view name) const
{
    const auto found = std::ranges::find(all, name, &Stream::name);
    return found == all.end() ? nullptr : &*found;
}

Streams load_streams(const Config& config)
{
    Streams streams;
    const auto text = read_file_if_any(config.streams);
    if (!text) {
        return streams;
    }
    json::Value document;
    try {
        document = json::parse(*text, config.streams.native());
    } catch (const Error& e) {
        throw Error{Fault::config, "{}", e.what()};
    }
    const auto* const list = document.find("Streams");
    if (!document.is_object() || (list != nullptr && !list->is_array())) {
        throw Error{Fault::config, "{}: Streams must be an array", config.streams.native()};
    }
    for (std::size_t i = 0; list != nullptr && i < list->array().size(); ++i) {
        const auto& source = list->array()[i];
        try {
            auto stream = Reader{config, source}.read();
            if (streams.find(stream.name) != nullptr) {
                refuse("name", "another stream has it");
            }
            streams.all.push_back(std::move(stream));
        } catch (const Error& e) {
            streams.disabled.insert(source.text("name"));
            log::error("stream_disabled", {{"stream", label(source, i)}, {"reason", e.what()}});
        }
    }
    return streams;
}

std::string expanded(std::string_view text, const Config& config, const Stream& stream,
                     const store::ArrivalMark& mark)
{
    std::string result;
    while (!text.empty()) {
        const auto begin = text.find('@');
        const auto end = begin == std::string_view::npos ? begin : text.find('@', begin + 1);
        result += text.substr(0, begin);
        if (end == std::string_view::npos) {
            result += begin == std::string_view::npos ? "" : text.substr(begin);
            break;
        }
        const auto name = text.substr(begin + 1, end - begin - 1);
        if (const auto value = value_of(name, config, stream, mark)) {
            result += *value;
            text.remove_prefix(end + 1);
        } else { // an ordinary @; the next one may begin a place-holder
            result += '@';
            text.remove_prefix(begin + 1);
        }
    }
    return result;
}

} // namespace fiona::ingest
