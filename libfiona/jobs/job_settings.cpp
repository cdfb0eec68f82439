// SPDX-License-Identifier: MIT
#include "libfiona/jobs/job_settings.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/base/words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

constexpr WordTable<Engine, 4> engine_names{{{Engine::podman, "podman"},
                                             {Engine::docker, "docker"},
                                             {Engine::apptainer, "apptainer"},
                                             {Engine::process, "process"}}};

/// One object of the configuration, which names itself in complaints.
class Block {
public:
    Block(const json::Value* value, std::string name) : m_value{value}, m_name{std::move(name)}
    {
        if (m_value != nullptr && m_value->is_null()) {
            m_value = nullptr;
        }
        if (m_value != nullptr && !m_value->is_object()) {
            throw Error{Fault::config, "config: {} must be an object", m_name};
        }
    }

    [[nodiscard]] const json::Value* find(std::string_view key) const
    {
        const auto* const value = m_value == nullptr ? nullptr : m_value->find(key);
        return value == nullptr || value->is_null() ? nullptr : value;
    }
    [[nodiscard]] Block block(std::string_view key) const { return {find(key), path_of(key)}; }
    [[nodiscard]] std::string text(std::string_view key, std::string_view fallback = {}) const
    {
        const auto* const value = find(key);
        if (value != nullptr && !value->is_string()) {
            throw wrong(key, "a text");
        }
        return value == nullptr ? std::string{fallback} : value->string();
    }
    [[nodiscard]] unsigned count(std::string_view key, unsigned fallback) const
    {
        const auto* const value = find(key);
        if (value == nullptr) {
            return fallback;
        }
        if (!value->is_integer() || value->integer() < 1
            || value->integer() > std::numeric_limits<int>::max()) {
            throw wrong(key, "a number, 1 or more");
        }
        return static_cast<unsigned>(value->integer());
    }
    [[nodiscard]] std::uint64_t bytes(std::string_view key, std::uint64_t fallback) const
    {
        const auto* const value = find(key);
        return value == nullptr ? fallback : byte_count(value->text(), path_of(key));
    }
    [[nodiscard]] bool flag(std::string_view key) const
    {
        const auto* const value = find(key);
        if (value != nullptr && !value->is_bool()) {
            throw wrong(key, "true or false");
        }
        return value != nullptr && value->boolean();
    }
    [[nodiscard]] std::vector<std::string> texts(std::string_view key) const
    {
        std::vector<std::string> result;
        const auto* const value = find(key);
        if (value == nullptr) {
            return result;
        }
        if (!value->is_array() || !std::ranges::all_of(value->array(), &json::Value::is_string)) {
            throw wrong(key, "a list of texts");
        }
        for (const auto& item : value->array()) {
            result.push_back(item.string());
        }
        return result;
    }
    [[nodiscard]] fs::path path(std::string_view key, const fs::path& fallback) const
    {
        fs::path result{text(key, fallback.native())};
        if (!result.is_absolute()) {
            throw wrong(key, "an absolute path");
        }
        return result.lexically_normal();
    }
    [[nodiscard]] std::vector<fs::path> paths(std::string_view key) const
    {
        std::vector<fs::path> result;
        for (const auto& item : texts(key)) {
            result.emplace_back(fs::path{item}.lexically_normal());
            if (!result.back().is_absolute()) {
                throw wrong(key, "a list of absolute paths");
            }
        }
        return result;
    }
    [[nodiscard]] Error wrong(std::string_view key, std::string_view wanted) const
    {
        return Error{Fault::config, "config: {} must be {}", path_of(key), wanted};
    }
    [[nodiscard]] std::string path_of(std::string_view key) const
    {
        return fmt::format("{}.{}", m_name, key);
    }

private:
    const json::Value* m_value;
    std::string m_name;
};

std::optional<std::uint16_t> port_number(std::string_view text)
{
    const auto port = read_number<std::uint16_t>(text);
    return port != 0 ? port : std::nullopt;
}

ImageSettings image_of(const std::string& name, const Block& block, Engine engine)
{
    ImageSettings image;
    image.name = name;
    const auto own = block.text("engine");
    image.engine = own.empty() ? engine : engine_of(own);
    image.reference = block.text("file", block.text("digest", name));
    image.memory_bytes = block.bytes("memory", image.memory_bytes);
    image.cpus = block.count("cpus", image.cpus);
    image.time =
        std::chrono::seconds{block.count("time_s", static_cast<unsigned>(image.time.count()))};
    // Each process of a sandbox may have all of the memory: the fewer, the better.
    constexpr unsigned sandbox_processes = 64;
    image.processes =
        block.count("pids", image.engine == Engine::process ? sandbox_processes : image.processes);
    image.output_bytes = block.bytes("output", image.output_bytes);
    image.has_gpu = block.flag("gpu");
    image.network = block.text("network", image.network);
    image.call = block.texts("call");
    image.read_only = block.paths("read_only");
    if (image.engine == Engine::process
        && (image.call.empty() || !image.call.front().starts_with('/'))) {
        throw block.wrong("call", "a list that begins with the absolute path of a program");
    }
    if (image.engine == Engine::process && image.network != "none" && image.network != "host") {
        throw block.wrong("network", "none or host");
    }
    if (name.empty() || name.front() == '-' || image.reference.empty()
        || image.reference.front() == '-' || image.network.empty()) {
        throw Error{Fault::config, "{}: neither a name nor a reference begins with -",
                    block.path_of("")};
    }
    return image;
}

Destination destination_in(const json::Value& value, std::size_t index, const Config& config)
{
    const Block block{&value, fmt::format("JOBS.destinations[{}]", index)};
    Destination peer{.aet = block.text("AETitle"),
                     .host = block.text("IP"),
                     .port = 0,
                     .calling_aet = block.text("OwnAETitle", config.research_pacs.calling_aet),
                     .timeout = config.research_pacs.timeout,
                     .tls = {}};
    const auto* const port = block.find("PORT");
    const auto number = port_number(port == nullptr ? "" : port->text());
    if (peer.aet.empty() || peer.host.empty() || !number) {
        throw Error{Fault::config, "config: JOBS.destinations[{}] needs AETitle, IP and PORT",
                    index};
    }
    peer.port = *number;
    if (const auto* const tls = block.find("tls")) {
        peer.tls = read_client_tls(*tls, block.path_of("tls"));
    }
    return peer;
}

std::vector<Destination> destinations_of(const Block& block, const Config& config)
{
    std::vector<Destination> result;
    if (const auto& pacs = config.research_pacs; !pacs.host.empty()) {
        result.push_back(
            {pacs.aet, pacs.host, pacs.port, pacs.calling_aet, pacs.timeout, pacs.tls});
    }
    if (const auto* const list = block.find("destinations")) {
        if (!list->is_array()) {
            throw block.wrong("destinations", "a list of objects");
        }
        for (std::size_t i = 0; i < list->array().size(); ++i) {
            result.push_back(destination_in(list->array()[i], i, config));
        }
    }
    return result;
}

} // namespace

std::string_view engine_name(Engine engine)
{
    return word_of(engine_names, engine);
}

Engine engine_of(std::string_view name)
{
    const auto engine = meaning_of(engine_names, name);
    if (!engine) {
        throw Error{Fault::config,
                    "no engine of that name: podman, docker, apptainer and process are known"};
    }
    return *engine;
}

std::uint64_t byte_count(std::string_view text, std::string_view what)
{
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto unit = lower_case(text.substr(static_cast<std::size_t>(end - text.data())));
    constexpr std::array<std::string_view, 5> units{"", "k", "m", "g", "t"};
    const auto* const found = std::ranges::find(units, unit);
    const auto shift = 10 * static_cast<unsigned>(found - units.begin());
    if (problem != std::errc{} || found == units.end() || number == 0
        || number > (std::numeric_limits<std::uint64_t>::max() >> (shift + 1))) {
        throw Error{Fault::config, "config: {} must be a size such as 8g or 512m", what};
    }
    return number << shift;
}

JobSettings read_job_settings(const Config& config, std::string_view engine)
{
    const Block block{config.document.find("JOBS"), "JOBS"};
    JobSettings settings;
    const auto slurm = block.block("slurm");
    settings.slurm = {slurm.text("partition"), slurm.text("account"), slurm.texts("options")};
    const auto wanted = engine.empty() ? block.text("engine", "podman") : std::string{engine};
    settings.uses_slurm = wanted == "slurm";
    settings.engine = engine_of(settings.uses_slurm ? slurm.text("engine", "podman") : wanted);
    settings.max_parallel = block.count("max_parallel", settings.max_parallel);
    settings.attempts = block.count("attempts", settings.attempts);
    constexpr unsigned usual_days = 30;
    settings.keep = std::chrono::days{block.count("keep_days", usual_days)};
    const auto& paths = config.paths;
    settings.folder =
        block.path("folder", paths.export_root.parent_path() / "export" / "Workflows");
    settings.roots = block.paths("roots");
    settings.roots.insert(settings.roots.end(),
                          {settings.folder, paths.data, paths.export_root / "Export",
                           paths.applications / "Workflows"});
    settings.destinations = destinations_of(block, config);
    settings.images_file = block.path("images", paths.config() / "workflows.json");
    if (const auto text = read_file_if_any(settings.images_file)) {
        json::Value document;
        try {
            document = json::parse(*text, settings.images_file.native());
        } catch (const Error& e) {
            throw Error{Fault::config, "{}", e.what()};
        }
        const Block file{&document, settings.images_file.filename().native()};
        if (const auto* const images = file.find("images")) {
            static_cast<void>(file.block("images")); // an object, or it says so
            for (const auto& [name, value] : images->object()) {
                const Block entry{&value, fmt::format("{}: images.{}", file.path_of(""), name)};
                settings.images.emplace(name, image_of(name, entry, settings.engine));
            }
        }
    }
    return settings;
}

const ImageSettings& image_settings(const JobSettings& settings, const std::string& image)
{
    const auto found = settings.images.find(image);
    if (found == settings.images.end()) {
        throw Error{Fault::data, "the image is not listed in {}", settings.images_file.native()};
    }
    return found->second;
}

std::optional<Destination> destination_of(const JobSettings& settings,
                                          const json::Array& destination)
{
    if (destination.empty()) {
        return std::nullopt;
    }
    const auto& wanted = destination.front();
    if (!wanted.is_object()) {
        throw Error{Fault::data, "destination is no list of peers"};
    }
    if (const auto* const filter = wanted.find("filter");
        filter != nullptr
        && !(filter->is_null() || (filter->is_array() && filter->array().empty()))) {
        throw Error{Fault::data, "destination has a filter: results go as a whole or not at all"};
    }
    const auto own = wanted.text("OwnAETitle");
    const auto found = std::ranges::find_if(settings.destinations, [&](const Destination& peer) {
        return peer.aet == wanted.text("AETitle") && peer.host == wanted.text("IP")
               && peer.port == port_number(wanted.text("PORT"))
               && (own.empty() || own == peer.calling_aet);
    });
    if (found == settings.destinations.end()) {
        throw Error{Fault::data, "its destination is none of the site's (JOBS.destinations)"};
    }
    return *found;
}

} // namespace fiona::jobs
