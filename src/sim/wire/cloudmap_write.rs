//! Cloud Map on the wire: the writes.

use super::cloudmap::{attributes, need, service_json};
use crate::core::ids::InstanceId;
use crate::sim::world::{NewService, Refused, ServiceKind, World};
use serde_json::{Value, json};

/// Answers a call that changes something.
pub(super) fn answer(world: &mut World, action: &str, args: &Value) -> Result<Value, Refused> {
    match action {
        "RegisterInstance" => register(world, args),
        "DeregisterInstance" => {
            let id = InstanceId::from(need(args, "InstanceId")?);
            let operation = world.deregister_member(need(args, "ServiceId")?, &id)?;
            Ok(json!({ "OperationId": operation }))
        }
        "UpdateInstanceCustomHealthStatus" => {
            let healthy = match need(args, "Status")? {
                "HEALTHY" => true,
                "UNHEALTHY" => false,
                other => return Err(Refused::invalid_input(format!("{other} is no status"))),
            };
            let id = InstanceId::from(need(args, "InstanceId")?);
            world.set_member_health(need(args, "ServiceId")?, &id, healthy)?;
            Ok(Value::Null)
        }
        "CreateService" => create_service(world, args),
        "DeleteService" => {
            world.delete_service(need(args, "Id")?)?;
            Ok(json!({}))
        }
        "UpdateServiceAttributes" => {
            let map = attributes(args, "Attributes").into_iter().collect();
            world.update_service_attributes(need(args, "ServiceId")?, map)?;
            Ok(json!({}))
        }
        "DeleteServiceAttributes" => {
            let keys = args.get("Attributes").and_then(Value::as_array);
            let keys: Vec<_> =
                keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            world.delete_service_attributes(need(args, "ServiceId")?, &keys)?;
            Ok(json!({}))
        }
        other => Err(Refused::new(
            "UnknownOperationException",
            format!("{other} is not an operation of Cloud Map here"),
        )),
    }
}

fn register(world: &mut World, args: &Value) -> Result<Value, Refused> {
    let id = InstanceId::from(need(args, "InstanceId")?);
    let map = attributes(args, "Attributes").into_iter().collect();
    let request = args.get("CreatorRequestId").and_then(Value::as_str).map(str::to_owned);
    let operation = world.register_member(need(args, "ServiceId")?, &id, map, request)?;
    Ok(json!({ "OperationId": operation }))
}

fn create_service(world: &mut World, args: &Value) -> Result<Value, Refused> {
    let dns = args.get("DnsConfig");
    let named = args.get("NamespaceId").and_then(Value::as_str);
    let of_dns = dns.and_then(|dns| dns.get("NamespaceId")).and_then(Value::as_str);
    let namespace =
        named.or(of_dns).ok_or_else(|| Refused::invalid_input("NamespaceId is required"))?;
    let http = args.get("Type").and_then(Value::as_str) == Some("HTTP");
    if http && dns.is_some() {
        return Err(Refused::invalid_input("A service of type HTTP has no DNS configuration."));
    }
    if args.get("HealthCheckConfig").is_some() {
        let said = "You can't configure a Route 53 health check for a service created in a private DNS namespace.";
        return Err(Refused::invalid_input(said));
    }
    let text = |name: &str| args.get(name).and_then(Value::as_str).map(str::to_owned);
    let new = NewService {
        name: need(args, "Name")?.to_owned(),
        namespace: namespace.rsplit('/').next().unwrap_or(namespace).into(),
        kind: if dns.is_some() { ServiceKind::DnsHttp } else { ServiceKind::Http },
        description: text("Description"),
        custom_health: args.get("HealthCheckCustomConfig").is_some(),
        creator_request_id: text("CreatorRequestId"),
    };
    let id = world.create_service(new)?;
    let service = world.service(id.as_str())?;
    Ok(json!({ "Service": service_json(world, service, true) }))
}
