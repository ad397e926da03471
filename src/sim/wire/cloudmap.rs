//! Cloud Map on the wire (JSON 1.1): the reads. The writes stand in `cloudmap_write`.

use super::pages::{page, size};
use crate::core::ids::InstanceId;
use crate::sim::world::{Member, Namespace, Operation, Refused, Service, ServiceKind, Work, World};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Answers a call.
pub(super) fn answer(world: &mut World, action: &str, args: &Value) -> Result<Value, Refused> {
    match action {
        "ListNamespaces" => list_namespaces(world, args),
        "GetNamespace" => get_namespace(world, args),
        "ListServices" => list_services(world, args),
        "GetService" => {
            let service = world.service(need(args, "Id")?)?;
            Ok(json!({ "Service": service_json(world, service, true) }))
        }
        "ListInstances" => list_instances(world, args),
        "GetInstance" => get_instance(world, args),
        "GetInstancesHealthStatus" => health_status(world, args),
        "DiscoverInstances" => discover(world, args),
        "DiscoverInstancesRevision" => {
            Ok(json!({ "InstancesRevision": named_service(world, args)?.revision }))
        }
        "GetOperation" => get_operation(world, args),
        "ListOperations" => list_operations(world, args),
        "GetServiceAttributes" => {
            let service = world.service(need(args, "ServiceId")?)?;
            let arn = world.arn("servicediscovery", &format!("service/{}", service.id));
            Ok(json!({ "ServiceAttributes": {
                "ServiceArn": arn, "ResourceOwner": "SELF", "Attributes": service.attributes } }))
        }
        other => super::cloudmap_write::answer(world, other, args),
    }
}

/// An argument that must be there.
pub(super) fn need<'a>(args: &'a Value, name: &str) -> Result<&'a str, Refused> {
    args.get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Refused::invalid_input(format!("{name} is required")))
}

/// Seconds since 1970, as JSON protocols write times.
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}

fn page_size(args: &Value, bounds: (usize, usize)) -> Result<usize, Refused> {
    let asked = args.get("MaxResults").and_then(Value::as_u64);
    size(asked.map(|one| u32::try_from(one).unwrap_or(u32::MAX)), bounds, Refused::invalid_input)
}

fn paged<T>(
    args: &Value,
    items: Vec<(String, T)>,
    bounds: (usize, usize),
) -> Result<(Vec<T>, Option<String>), Refused> {
    let size = page_size(args, bounds)?;
    let token = args.get("NextToken").and_then(Value::as_str);
    let page = page(items, token, size)
        .ok_or_else(|| Refused::invalid_input("The NextToken is not valid."))?;
    Ok((page.items, page.next))
}

fn answer_list(name: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut map = Map::new();
    map.insert(name.to_owned(), Value::Array(items));
    if let Some(next) = next {
        map.insert("NextToken".to_owned(), Value::String(next));
    }
    Value::Object(map)
}

/// The values of a filter, where it is given.
fn filter(args: &Value, name: &str) -> Option<Vec<String>> {
    let filters = args.get("Filters")?.as_array()?;
    let one = filters.iter().find(|one| one.get("Name").and_then(Value::as_str) == Some(name))?;
    let values = one.get("Values")?.as_array()?;
    Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn namespace_json(world: &World, one: &Namespace) -> Value {
    let services = world.services.values().filter(|service| service.namespace == one.id).count();
    json!({
        "Id": one.id, "Arn": world.arn("servicediscovery", &format!("namespace/{}", one.id)),
        "ResourceOwner": "SELF", "Name": one.name, "Type": "DNS_PRIVATE", "ServiceCount": services,
        "Properties": {
            "DnsProperties": { "HostedZoneId": "Z0EMBEDDED", "SOA": { "TTL": 15 } },
            "HttpProperties": { "HttpName": one.name } },
        "CreateDate": seconds(one.created),
    })
}

fn list_namespaces(world: &World, args: &Value) -> Result<Value, Refused> {
    let types = filter(args, "TYPE");
    let names = filter(args, "NAME");
    let http = filter(args, "HTTP_NAME");
    let fits = |one: &Namespace| {
        types.as_ref().is_none_or(|list| list.iter().any(|kind| kind == "DNS_PRIVATE"))
            && names.as_ref().is_none_or(|list| list.contains(&one.name))
            && http.as_ref().is_none_or(|list| list.contains(&one.name))
    };
    let all = world.namespaces.values().map(|one| (one.id.to_string(), one)).collect();
    // Filters are applied after paging, as on AWS: an empty page with a token is an answer.
    let (cut, next) = paged(args, all, (100, 100))?;
    let cut = cut.into_iter().filter(|one| fits(one)).map(|one| namespace_json(world, one));
    Ok(answer_list("Namespaces", cut.collect(), next))
}

fn get_namespace(world: &World, args: &Value) -> Result<Value, Refused> {
    let id = need(args, "Id")?;
    let id = id.rsplit('/').next().unwrap_or(id);
    let found = world.namespaces.values().find(|one| one.id.as_str() == id);
    let said =
        || Refused::with_status("NamespaceNotFound", 404, format!("Namespace not found: {id}"));
    Ok(json!({ "Namespace": namespace_json(world, found.ok_or_else(said)?) }))
}

/// A service as ListServices and GetService give it.
pub(super) fn service_json(world: &World, one: &Service, whole: bool) -> Value {
    let mut value = json!({
        "Id": one.id, "Arn": world.arn("servicediscovery", &format!("service/{}", one.id)),
        "ResourceOwner": "SELF", "Name": one.name, "InstanceCount": one.members.len(),
        "CreateDate": seconds(one.created), "CreatedByAccount": world.account,
        "Type": match one.kind { ServiceKind::Http => "HTTP", ServiceKind::DnsHttp => "DNS_HTTP" },
    });
    if one.kind == ServiceKind::DnsHttp {
        value["DnsConfig"] = json!({
            "NamespaceId": one.namespace, "RoutingPolicy": "MULTIVALUE",
            "DnsRecords": [{ "Type": "A", "TTL": 15 }] });
    }
    if one.custom_health {
        value["HealthCheckCustomConfig"] = json!({ "FailureThreshold": 1 });
    }
    if let Some(text) = &one.description {
        value["Description"] = json!(text);
    }
    if whole {
        value["NamespaceId"] = json!(one.namespace);
        if let Some(id) = &one.creator_request_id {
            value["CreatorRequestId"] = json!(id);
        }
    }
    value
}

fn list_services(world: &World, args: &Value) -> Result<Value, Refused> {
    let namespaces = filter(args, "NAMESPACE_ID");
    let fits = |one: &Service| {
        let own = one.namespace.as_str();
        namespaces
            .as_ref()
            .is_none_or(|list| list.iter().any(|id| id.rsplit('/').next() == Some(own)))
    };
    let all = world.services.values().map(|one| (one.id.to_string(), one)).collect();
    let (cut, next) = paged(args, all, (100, 100))?;
    let cut = cut.into_iter().filter(|one| fits(one)).map(|one| service_json(world, one, false));
    Ok(answer_list("Services", cut.collect(), next))
}

fn list_instances(world: &World, args: &Value) -> Result<Value, Refused> {
    let service = world.service(need(args, "ServiceId")?)?;
    let all = service.members.iter().map(|(id, one)| (id.to_string(), (id, one))).collect();
    let (cut, next) = paged(args, all, (100, 100))?;
    let cut: Vec<_> = cut
        .into_iter()
        .map(|(id, one)| {
            json!({ "Id": id, "Attributes": one.attributes, "CreatedByAccount": world.account })
        })
        .collect();
    let mut value = answer_list("Instances", cut, next);
    value["ResourceOwner"] = json!("SELF");
    Ok(value)
}

fn get_instance(world: &World, args: &Value) -> Result<Value, Refused> {
    let service = world.service(need(args, "ServiceId")?)?;
    let id = InstanceId::from(need(args, "InstanceId")?);
    let one = service.members.get(&id).ok_or_else(|| not_found(&id))?;
    let mut value =
        json!({ "Id": id, "Attributes": one.attributes, "CreatedByAccount": world.account });
    if let Some(request) = &one.creator_request_id {
        value["CreatorRequestId"] = json!(request);
    }
    Ok(json!({ "ResourceOwner": "SELF", "Instance": value }))
}

fn not_found(id: &InstanceId) -> Refused {
    Refused::with_status("InstanceNotFound", 404, format!("Instance not found: {id}"))
}

fn health_word(service: &Service, id: &InstanceId, one: &Member) -> &'static str {
    if !service.custom_health {
        // A private namespace has no other health checks: nobody ever looks.
        return "HEALTHY";
    }
    match (service.published.contains_key(id), one.healthy) {
        (false, _) => "UNKNOWN",
        (true, true) => "HEALTHY",
        (true, false) => "UNHEALTHY",
    }
}

fn health_status(world: &World, args: &Value) -> Result<Value, Refused> {
    let service = world.service(need(args, "ServiceId")?)?;
    let asked: Option<Vec<_>> = args
        .get("Instances")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).map(InstanceId::from).collect());
    if let Some(unknown) = asked.iter().flatten().find(|id| !service.members.contains_key(*id)) {
        return Err(not_found(unknown));
    }
    let wanted = |id: &InstanceId| asked.as_ref().is_none_or(|list| list.contains(id));
    let all = service.members.iter().filter(|(id, _)| wanted(id));
    let all = all.map(|(id, one)| (id.to_string(), (id, one))).collect();
    let (cut, next) = paged(args, all, (100, 100))?;
    let status: Map<String, Value> = cut
        .into_iter()
        .map(|(id, one)| (id.to_string(), json!(health_word(service, id, one))))
        .collect();
    let mut value = json!({ "Status": status });
    if let Some(next) = next {
        value["NextToken"] = json!(next);
    }
    Ok(value)
}

fn named_service<'a>(world: &'a World, args: &Value) -> Result<&'a Service, Refused> {
    let (space, name) = (need(args, "NamespaceName")?, need(args, "ServiceName")?);
    let namespace = world.namespaces.values().find(|one| one.name == space).ok_or_else(|| {
        Refused::with_status("NamespaceNotFound", 404, format!("Namespace not found: {space}"))
    })?;
    let mut all = world.services.values();
    all.find(|one| one.namespace == namespace.id && one.name == name).ok_or_else(|| {
        Refused::with_status("ServiceNotFound", 404, format!("Service not found: {name}"))
    })
}

fn discover(world: &mut World, args: &Value) -> Result<Value, Refused> {
    // The order is random, as on AWS: nobody may rely on it.
    let turn = world.random.next();
    let most = page_size(args, (100, 1_000))?;
    let service = named_service(world, args)?;
    let wanted = attributes(args, "QueryParameters");
    let liked = attributes(args, "OptionalParameters");
    let found: Vec<_> = service
        .published
        .iter()
        .filter(|(_, held)| wanted.iter().all(|(key, value)| held.get(key) == Some(value)))
        .map(|(id, held)| {
            // A custom health that was never set counts as healthy; one that is gone, too.
            let healthy = service.members.get(id).is_none_or(|one| one.healthy);
            (id, held, healthy || !service.custom_health)
        })
        .collect();
    let some_healthy = found.iter().any(|one| one.2);
    let asked = args.get("HealthStatus").and_then(Value::as_str).unwrap_or("HEALTHY");
    let fits = |healthy: bool| match asked {
        "ALL" => true,
        "UNHEALTHY" => !healthy || !service.custom_health,
        "HEALTHY_OR_ELSE_ALL" => healthy || !some_healthy,
        _ => healthy,
    };
    let mut found: Vec<_> = found.into_iter().filter(|one| fits(one.2)).collect();
    let likes = |held: &std::collections::BTreeMap<String, String>| {
        liked.iter().all(|(key, value)| held.get(key) == Some(value))
    };
    if !liked.is_empty() && found.iter().any(|one| likes(one.1)) {
        found.retain(|one| likes(one.1));
    }
    if !found.is_empty() {
        let by = usize::try_from(turn % found.len() as u64).unwrap_or(0);
        found.rotate_left(by);
    }
    found.truncate(most);
    let namespace = need(args, "NamespaceName")?;
    let list: Vec<_> = found
        .into_iter()
        .map(|(id, held, healthy)| {
            let word = if healthy { "HEALTHY" } else { "UNHEALTHY" };
            json!({ "InstanceId": id, "NamespaceName": namespace, "ServiceName": service.name,
                    "HealthStatus": word, "Attributes": held })
        })
        .collect();
    Ok(json!({ "Instances": list, "InstancesRevision": service.revision }))
}

/// A map of texts.
pub(super) fn attributes(args: &Value, name: &str) -> Vec<(String, String)> {
    let map = args.get(name).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn kind_word(one: &Operation) -> &'static str {
    match one.work {
        Work::Register { .. } => "REGISTER_INSTANCE",
        Work::Deregister => "DEREGISTER_INSTANCE",
    }
}

fn get_operation(world: &World, args: &Value) -> Result<Value, Refused> {
    let id = need(args, "OperationId")?;
    let one = world.operations.get(id).ok_or_else(|| {
        Refused::with_status("OperationNotFound", 404, format!("Operation not found: {id}"))
    })?;
    let mut value = json!({
        "Id": one.id, "OwnerAccount": world.account, "Type": kind_word(one), "Status": one.status,
        "CreateDate": seconds(one.created), "UpdateDate": seconds(one.updated),
        "Targets": { "SERVICE": one.service, "INSTANCE": one.member },
    });
    if let Some((code, message)) = one.error.as_ref().filter(|_| one.status == "FAIL") {
        value["ErrorCode"] = json!(code);
        value["ErrorMessage"] = json!(message);
    }
    Ok(json!({ "Operation": value }))
}

fn list_operations(world: &World, args: &Value) -> Result<Value, Refused> {
    let services = filter(args, "SERVICE_ID");
    let statuses = filter(args, "STATUS");
    let types = filter(args, "TYPE");
    let between = filter(args, "UPDATE_DATE").unwrap_or_default();
    let between: Vec<i64> = between.iter().filter_map(|text| text.parse().ok()).collect();
    let fits = |one: &Operation| {
        services.as_ref().is_none_or(|list| list.iter().any(|id| id == one.service.as_str()))
            && statuses.as_ref().is_none_or(|list| list.iter().any(|word| word == one.status))
            && types.as_ref().is_none_or(|list| list.iter().any(|word| word == kind_word(one)))
            && match between.as_slice() {
                [from, to] => (*from..=*to).contains(&one.updated.as_second()),
                _ => true,
            }
    };
    let all = world.operations.values().map(|one| (one.id.clone(), one)).collect();
    let (cut, next) = paged(args, all, (100, 100))?;
    let cut = cut.into_iter().filter(|one| fits(one));
    let cut = cut.map(|one| json!({ "Id": one.id, "Status": one.status })).collect();
    Ok(answer_list("Operations", cut, next))
}
